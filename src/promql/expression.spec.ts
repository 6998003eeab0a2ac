import { findSyntaxFault } from './expression.js';

describe('findSyntaxFault', () => {
  it.each([
    ['sum(x)'],
    ['rate (x[5m])'],
    ['sum by (a) (max_over_time(rate(x[5m])[15m:1m]))'],
    ['a:b'],
    ['sum(x) by (a)'],
    ['count # of all\n(x)'],
  ])('accepts %s', (text) => expect(findSyntaxFault(text)).toBeUndefined());

  it.each([
    ['foo_over_time(x[5m])', 'foo_over_time', 0],
    ['sum(foo_over_time(x[5m]))', 'foo_over_time', 4],
    ['max_over_time(foo(x)[5m:1m])', 'foo', 14],
    ['sum(x) / bar (y)', 'bar', 9],
    ['avg(a:b(x))', 'a:b', 4],
    ['sum by (a) (Rate(x[5m]))', 'Rate', 12],
  ])('names the unknown function of %s', (text, name, position) =>
    expect(findSyntaxFault(text)).toEqual({ position, what: `unknown function ${name} at position ${position}` }),
  );

  it.each([
    ['', 0],
    ['  ', 0],
    ['sum(x', 5],
    ['sum(x))', 6],
    ['rate(x[5m]) (y)', 12],
    ['x{a="b"} foo(y)', 9],
    ['x{a="b}', 7],
    ['foo.bar(x)', 3],
    ['sum by', 6],
  ])('finds where "%s" stops being PromQL', (text, position) =>
    expect(findSyntaxFault(text)).toEqual({ position, what: `not PromQL from position ${position} on` }),
  );
});
