import { compareLabels, labelPairs } from './labels.js';

const names = ['version', 'runtime', 'workload'];

describe('compareLabels', () => {
  it.each([
    ['by value', { runtime: 'a', workload: 'w' }, { runtime: 'b', workload: 'w' }],
    ['by the first different label', { runtime: 'a', version: '9', workload: 'w' }, { runtime: 'b', version: '1', workload: 'w' }],
    ['by name if a label is missing', { runtime: 'z', workload: 'w' }, { version: 'a', workload: 'w' }],
    ['a prefix before the longer list', { runtime: 'a' }, { runtime: 'a', version: '1' }],
    ['by bytes, not by numbers', { version: '17' }, { version: '9' }],
  ])('orders as Prometheus does: %s', (_, first, second) => {
    const pairs = [labelPairs(second, names), labelPairs(first, names)];
    expect(pairs.sort(compareLabels)).toEqual([labelPairs(first, names), labelPairs(second, names)]);
  });

  it('treats an empty value as a missing label', () =>
    expect(labelPairs({ runtime: '', version: '1' }, names)).toEqual([['version', '1']]));
});
