import { storable } from './storable.js';

it.each([
  ['ünï💥', 'ünï💥'],
  ['a\0b', 'a\uFFFDb'],
  ['\ud800', '\uFFFD'],
  [{ a: ['\0', 1, null, { b: '\udc00x' }] }, { a: ['\uFFFD', 1, null, { b: '\uFFFDx' }] }],
])('makes %j %j', (value, made) => expect(storable(value)).toEqual(made));

it('leaves what is no plain value', () => {
  const date = new Date(0);
  expect(storable({ date }).date).toBe(date);
});
