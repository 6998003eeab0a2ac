import { checkFilter, joinPatterns, nameFilters, nameTest, passingNames, programSize } from './name-filter.js';

describe('nameTest', () => {
  const long = 'n'.repeat(253);
  it.each<[object, string, boolean]>([
    [{}, 'anything', true],
    [{ include: { namespace: ['shop'] } }, 'shop', true],
    [{ include: { namespace: ['shop', 'web-.*'] } }, 'web-1', true],
    [{ include: { namespace: ['shop', 'web-.*'] } }, 'shop-1', false],
    [{ include: { namespace: ['s.op'] } }, 'shop', true],
    [{ exclude: { namespace: ['shop'] } }, 'shop', false],
    [{ include: { namespace: ['sho'] } }, 'shop', false],
    [{ include: { namespace: ['hop'] } }, 'shop', false],
    [{ include: { namespace: ['a', 'b'] } }, 'b', true],
    [{ include: { namespaces: ['b'], namespace: ['a'] } }, 'b', true],
    [{ include: { namespace: ['a|b', 'c'] } }, 'ac', false],
    [{ include: { namespace: ['(?i)A', 'b'] } }, 'B', false],
    [{ include: { namespace: ['\\Qa.', 'b'] } }, 'b', true],
    [{ include: { namespace: [' shop '] } }, 'shop', true],
    [{ include: { namespace: ['', ' '] } }, 'shop', true],
    [{ include: { namespace: ['kube-.*'] }, exclude: { namespace: ['kube-system'] } }, 'kube-system', false],
    [{ include: { namespace: ['kube-.*'] }, exclude: { namespace: ['kube-system'] } }, 'kube-public', true],
    [{ include: { namespace: ['n{253}'] } }, long, true],
    [{ include: { namespace: ['ü.'] } }, 'ü😀', true],
    [{ exclude: { namespace: ['.*"\\\\.*'] } }, 'a"\\b', false],
  ])('applies %j to %s: %s', (filter, name, expected) => expect(nameTest(nameFilters(filter).namespace)(name)).toBe(expected));
});

describe('joinPatterns', () => {
  it.each([
    [[], undefined],
    [['a|b'], 'a|b'],
    [['a', 'b|c'], '(?:a)|(?:b|c)'],
    [['\\Qa', 'b'], '(?:\\Qa\\E)|(?:b)'],
    [['\\Qa\\E', '\\\\Q'], '(?:\\Qa\\E)|(?:\\\\Q)'],
  ])('joins %j', (items, expected) => expect(joinPatterns(items)).toBe(expected));
});

describe('passingNames', () => {
  const slow = nameFilters({ exclude: { containers: Array.from({ length: 2_000 }, (_, index) => `.*a${index}.*b`) } }).container;
  const names = Array.from({ length: 500 }, (_, index) => `container-a${index}-${index}`);

  it('removes duplicates', async () => {
    expect(await passingNames(['a', 'b', 'a'], { include: ['a|b'], exclude: ['b'] })).toEqual(new Set(['a']));
  });

  it('yields to the event loop during costly expressions, and stops when aborted', async () => {
    const ended = new AbortController();
    const passing = passingNames(names, slow, ended.signal);
    setImmediate(() => ended.abort(new Error('cancelled')));
    await expect(passing).rejects.toThrow('cancelled');
  });
});

describe('checkFilter', () => {
  it.each([
    [undefined],
    [{}],
    [{ include: null, exclude: { namespace: null, labels: null } }],
    [{ include: { namespace: ['a|b', ' kube-.* ', ''], containers: ['(?i)app', '\\Qa.b', '\\d+'] } }],
    [{ include: { labels: { org_id: 'any"text\\\n😀', _x: '' } } }],
  ])('accepts %j', (filter) => expect(checkFilter(filter)).toEqual([]));

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

  it('finds group names repeated across lists of one kind', () => {
    const faults = checkFilter({ include: { namespace: ['(?P<a>x)'], namespaces: ['(?P<a>y)'] }, exclude: { namespace: ['(?P<a>z)'] } });
    expect(faults.map(({ field }) => field)).toEqual(['filter.include.namespace', 'filter.include.namespaces']);
  });

  it('stops at the tenth faulty expression', () => {
    const faults = checkFilter({ include: { namespace: Array(49_000).fill('((') } });
    expect(faults).toHaveLength(11);
    expect(faults[10]).toEqual({ field: 'filter.include.namespace', message: expect.stringContaining('Only the first 10') });
  });

  it('names every fault', () => {
    expect(checkFilter({ include: { namespace: ['(', '['] }, exclude: { labels: { '1': 'a', é: 'b' } } })).toHaveLength(4);
  });
});

describe('programSize', () => {
  it.each([
    ['kube-system', 0],
    ['(?i)[a-z]', 4],
    ['(?i)[B-\\x{1E943}]', 1_256],
    ['(?i)[一-龥]+', 214],
    ['[一-龥]+', 2],
    ['kube.system.one', 1.875],
    ['kube-.*', 7],
    ['(ab){3}c*', 11],
    ['((a{10}){10}){10}', 1_110],
    ['[a-z0-9]{1,63}', 63],
    ['[^]a\\]]{2}x', 3],
    ['a{2,}b{0}', 3],
    ['\\Qa.b\\E+', 8],
    ['\\pL[\\p{Lu}\\P{N}]', 452],
    ['(((a', 1],
    ['(){1000}', 1_000],
    ['a)b)c', 5],
    ['{x}', 3],
  ])('of %s is %d', (pattern, size) => expect(programSize(pattern)).toBe(size));
});

describe('costly expressions', () => {
  it.each([['(a{1000}){1000}'], ['(a{1000})'.repeat(400)], ['((a{10}){10}){10}'.repeat(240)], ['[\\p{L}]{50}'.repeat(300)]])(
    'are rejected: %s',
    (pattern) => {
      expect(checkFilter({ include: { namespace: ['ok', pattern] } })).toEqual([
        { field: 'filter.include.namespace', message: expect.stringContaining('too costly') },
      ]);
    },
  );

  it('are limited one by one and in total per list', () => {
    const one = 'a{999}'.repeat(6);
    expect(checkFilter({ include: { workload: ['x', one] } })).toMatchObject([{ field: 'filter.include.workload.1' }]);
    expect(checkFilter({ include: { workload: Array(61).fill('a{999}.') } })).toMatchObject([{ field: 'filter.include.workload' }]);
    expect(checkFilter({ include: { workload: Array(60).fill('a{999}.') } })).toEqual([]);
  });

  it('share one limit across both sides, for characters and for instructions', () => {
    const half = Array(31).fill('a{999}.');
    const names = Array(4_902).fill('n'.repeat(102));
    expect(checkFilter({ include: { workload: half }, exclude: { containers: half } })).toMatchObject([
      { field: 'filter.exclude.containers', message: expect.stringContaining('too costly') },
    ]);
    expect(checkFilter({ include: { namespace: names, namespaces: names } })).toMatchObject([
      { field: 'filter.include.namespaces', message: expect.stringContaining('1000000 characters') },
    ]);
    expect(checkFilter({ include: { namespace: names, namespaces: names.slice(1) } })).toEqual([]);
  });

  it('do not include lists of thousands of names or prefixes', () => {
    expect(
      checkFilter({
        include: { namespace: Array.from({ length: 6_000 }, (_, index) => `namespace-with-a-long-name-of-some-team-${index}`) },
      }),
    ).toEqual([]);
    expect(checkFilter({ include: { namespace: Array.from({ length: 4_000 }, (_, index) => `team-${index}.*`) } })).toEqual([]);
  });
});
