import { isStorable } from '../database/database-error.js';
import { longestText, textFaults } from './text-faults.js';

describe('textFaults', () => {
  it.each([undefined, null, 1, true, 'text', {}, [], { a: ['ü😀\n\u0001', { '"': null }] }])('finds nothing in %j', (value) => {
    expect(textFaults(value)).toEqual([]);
  });

  it.each([
    ['\0', ['']],
    [{ a: '\0' }, ['a']],
    [{ a: [1, { b: '\ud800' }] }, ['a.1.b']],
    [{ a: { 'x\0': '\0' } }, ['a.x\0']],
    [{ a: '\0', b: '\udc00' }, ['a', 'b']],
    [JSON.parse('{"filter":{"include":{"labels":{"__proto__":"x"}}}}'), ['filter.include.labels.__proto__']],
  ])('finds the places in %j', (value, paths) => expect(textFaults(value).map(({ field }) => field)).toEqual(paths));

  it('finds text that is too long, in names too', () => {
    const [just, long] = ['x'.repeat(longestText), 'y'.repeat(longestText + 1)];
    expect(textFaults({ a: [just, long], [just]: 1, [long]: 1 })).toEqual([
      { field: 'a.1', message: 'Text may have at most 4096 characters; this one has 4097' },
      { field: long, message: 'Text may have at most 4096 characters; this one has 4097' },
    ]);
  });
});

describe('isStorable', () => {
  it.each([
    ['', true],
    ['😀', true],
    ['a\0b', false],
    ['\ude00\ud83d', false],
  ])('%j: %s', (text, expected) => expect(isStorable(text)).toBe(expected));
});
