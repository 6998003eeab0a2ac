import { checkFilter } from './check-filter.js';

describe('checkFilter', () => {
  it.each([
    [undefined],
    [{}],
    [{ include: null, exclude: { namespace: null, labels: null } }],
    [{ include: { namespace: ['a|b', ' kube-.* ', ''], containers: ['(?i)app', '\\Qa.b', '\\d+'] } }],
    [{ include: { labels: { org_id: 'any"text\\\n😀', _x: '' } } }],
  ])('finds nothing wrong with %j', (filter) => expect(checkFilter(filter)).toEqual([]));

  it.each([
    [{ include: { namespace: ['ok', 'a('] } }, 'filter.include.namespace[1]: not a regular expression in RE2 syntax: '],
    [{ exclude: { namespaces: ['a)|(b'] } }, 'filter.exclude.namespaces[0]: '],
    [{ exclude: { workload: ['*'] } }, 'filter.exclude.workload[0]: '],
    [{ include: { containers: ['(?=look)'] } }, 'filter.include.containers[0]: '],
    [{ include: { containers: ['back\\'] } }, 'filter.include.containers[0]: '],
    [{ include: { containers: ['(?P<a>x)', '(?P<a>y)'] } }, 'filter.include.containers: '],
    [{ exclude: { labels: { 'a-b': '1' } } }, 'filter.exclude.labels: "a-b" is not a label name'],
    [{ include: { labels: { 'x="y",z': '1' } } }, 'filter.include.labels: "x=\\"y\\",z" is not a label name'],
    [{ include: { labels: { __name__: 'up' } } }, 'filter.include.labels: "__name__" is not a label name'],
  ])('names the field in %j', (filter, fault) => expect(checkFilter(filter)).toEqual([expect.stringContaining(fault)]));

  it('names every fault', () => {
    expect(checkFilter({ include: { namespace: ['(', '['] }, exclude: { labels: { '1': 'a', é: 'b' } } })).toHaveLength(4);
  });
});
