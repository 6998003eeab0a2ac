import * as fc from 'fast-check';
import { RawJson, renderJson } from './documents.js';

describe('renderJson', () => {
  it('equals JSON.stringify for plain values, except for null members', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const withoutNulls = JSON.parse(JSON.stringify(value), (_key, member) => member);
        const expected = JSON.stringify(withoutNulls, (_key, member) =>
          typeof member === 'object' && member !== null && !Array.isArray(member)
            ? Object.fromEntries(Object.entries(member).filter(([, one]) => one !== null))
            : member,
        );
        expect(renderJson(value)).toBe(expected);
      }),
    );
  });

  it.each([
    [{ a: undefined, b: null, c: 0, d: '', e: false }, '{"c":0,"d":"","e":false}'],
    [[null, 1, [null]], '[null,1,[null]]'],
    [{ 'a"\\\n\u2028': 'ü😀' }, '{"a\\"\\\\\\n\u2028":"ü😀"}'],
    [{}, '{}'],
    [[], '[]'],
    [null, 'null'],
  ])('renders %j', (value, text) => expect(renderJson(value)).toBe(text));

  it('inserts rendered text unchanged', () => {
    expect(renderJson({ a: [new RawJson('[1.50, "x"]')], b: { c: new RawJson('{}') } })).toBe('{"a":[[1.50, "x"]],"b":{"c":{}}}');
  });
});
