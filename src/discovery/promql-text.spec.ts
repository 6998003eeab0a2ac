import { oneOf, quoted } from './promql-text.js';

describe('quoted', () => {
  it.each([
    ['plain', '"plain"'],
    ['a"b', '"a\\"b"'],
    ['\\d+', '"\\\\d+"'],
    ['a\nb\u0000', '"a\\u000ab\\u0000"'],
    ['ü😀', '"ü😀"'],
  ])('writes %j', (value, expected) => expect(quoted(value)).toBe(expected));
});

describe('oneOf', () => {
  it('takes one value as it is and several as literals', () => {
    expect(oneOf('namespace', ['a.b'])).toBe('namespace="a.b"');
    expect(oneOf('namespace', ['a.b', 'c"|\\'])).toBe('namespace=~"a\\\\.b|c\\"\\\\|\\\\\\\\"');
  });
});
