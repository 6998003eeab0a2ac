import { joinPatterns, nameFilters, nameTest, passingNames } from './name-filter.js';

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
  ])('with %j finds %s: %s', (filter, name, expected) => expect(nameTest(nameFilters(filter).namespace)(name)).toBe(expected));
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

  it('gives each name once', async () => {
    expect(await passingNames(['a', 'b', 'a'], { include: ['a|b'], exclude: ['b'] })).toEqual(new Set(['a']));
  });

  it('yields to the event loop during costly expressions, and stops when aborted', async () => {
    const ended = new AbortController();
    const passing = passingNames(names, slow, ended.signal);
    setImmediate(() => ended.abort(new Error('cancelled')));
    await expect(passing).rejects.toThrow('cancelled');
  });
});
