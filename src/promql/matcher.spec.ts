import fc from 'fast-check';
import { parsePromql } from './expression.js';
import { escapeRegex, escapeString, matchAnyOf } from './matcher.js';

describe('matchers', () => {
  it.each([
    ['plain', 'plain'],
    ['say "hi"', 'say \\"hi\\"'],
    ['back\\slash', 'back\\\\slash'],
    ['two\nlines', 'two\\nlines'],
    ["it's 日本", "it's 日本"],
  ])('escapes %j for a double-quoted string', (text, escaped) => expect(escapeString(text)).toBe(escaped));

  it('escapes only the quote that is used', () => expect(escapeString(`'"`, "'")).toBe(`\\'"`));

  it('writes an expression that matches only the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (text, other) => {
        const expression = new RegExp(`^(?:${escapeRegex(text)})$`, 's');
        expect(expression.test(text)).toBe(true);
        expect(expression.test(other)).toBe(text === other);
      }),
    );
  });

  it.each([
    [['shop'], 'namespace="shop"'],
    [['shop', 'shop'], 'namespace="shop"'],
    [['b', 'a'], 'namespace=~"a|b"'],
    [['a.b', 'x'], 'namespace=~"a\\\\.b|x"'],
    [['a"b', 'c\\d'], 'namespace=~"a\\"b|c\\\\\\\\d"'],
    [['a.b'], 'namespace="a.b"'],
  ])('matches any of %j', (values, matcher) => expect(matchAnyOf('namespace', values)).toBe(matcher));

  it('writes valid PromQL for any values', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 253 }), { minLength: 1 }), (values) => {
        expect(parsePromql(`up{${matchAnyOf('namespace', values)}}`)).toBeDefined();
      }),
    );
  });
});
