import { JsonBodyPipe } from './json-body.pipe.js';

const read = (body: unknown) => new JsonBodyPipe().transform(body);

it.each([
  ['{"a": 1}', { a: 1 }],
  [' [] ', []],
  ['null', null],
  ['', undefined],
  [' \n', undefined],
  [undefined, undefined],
  [{}, undefined],
])('reads the body %j as %j', (body, value) => {
  expect(read(body)).toEqual(value);
});

it('says where a body breaks', () => {
  expect(() => read('{"a": }')).toThrow(/The body is not JSON: Unexpected token/);
});
