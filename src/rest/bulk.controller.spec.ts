import { linkToNext } from './bulk.controller.js';

it.each([
  ['/bulk?job_id=7&limit=2', '<bulk?job_id=7&limit=2&cursor=YQ>; rel="next"'],
  ['/bulk/jobs?cursor=old&limit=1', '<jobs?cursor=YQ&limit=1>; rel="next"'],
  ['/bulk/jobs', '<jobs?cursor=YQ>; rel="next"'],
  ['//evil.example/bulk?a=%2F', '<bulk?a=%2F&cursor=YQ>; rel="next"'],
])('links to the next page of %s', (originalUrl, link) => {
  expect(linkToNext({ originalUrl }, 'YQ')).toBe(link);
});

it('works behind a gateway that adds a path prefix', () => {
  const [, next] = /<(.*)>/.exec(linkToNext({ originalUrl: '/bulk/jobs?limit=1' }, 'YQ'))!;
  expect(new URL(next!, 'https://gateway.example/rightsizer/bulk/jobs?limit=1').pathname).toBe('/rightsizer/bulk/jobs');
});
