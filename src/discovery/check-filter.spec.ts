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
    [{ include: { namespace: ['ok', 'a('] } }, 'filter.include.namespace.1'],
    [{ exclude: { namespaces: ['a)|(b'] } }, 'filter.exclude.namespaces.0'],
    [{ exclude: { workload: ['*'] } }, 'filter.exclude.workload.0'],
    [{ include: { containers: ['(?=look)'] } }, 'filter.include.containers.0'],
    [{ include: { containers: ['back\\'] } }, 'filter.include.containers.0'],
    [{ include: { containers: ['(?P<a>x)', '(?P<a>y)'] } }, 'filter.include.containers'],
    [{ exclude: { labels: { 'a-b': '1' } } }, 'filter.exclude.labels.a-b'],
    [{ include: { labels: { 'x="y",z': '1' } } }, 'filter.include.labels.x="y",z'],
    [{ include: { labels: { __name__: 'up' } } }, 'filter.include.labels.__name__'],
  ])('names the field in %j', (filter, field) => expect(checkFilter(filter)).toEqual([{ field, message: expect.any(String) }]));

  it('names every fault', () => {
    expect(checkFilter({ include: { namespace: ['(', '['] }, exclude: { labels: { '1': 'a', é: 'b' } } })).toHaveLength(4);
  });
});
