import { isStorable, unstorableText } from './unstorable-text.js';

describe('unstorableText', () => {
  it.each([undefined, null, 1, true, 'text', {}, [], { a: ['ü😀\n\u0001', { '"': null }] }])('finds nothing in %j', (value) => {
    expect(unstorableText(value)).toEqual([]);
  });

  it.each([
    ['\0', ['']],
    [{ a: '\0' }, ['a']],
    [{ a: [1, { b: '\ud800' }] }, ['a.1.b']],
    [{ a: { 'x\0': '\0' } }, ['a.x\0']],
    [{ a: '\0', b: '\udc00' }, ['a', 'b']],
  ])('finds the places in %j', (value, paths) => expect(unstorableText(value)).toEqual(paths));
});

describe('isStorable', () => {
  it.each([
    ['', true],
    ['😀', true],
    ['a\0b', false],
    ['\ude00\ud83d', false],
  ])('%j: %s', (text, expected) => expect(isStorable(text)).toBe(expected));
});
