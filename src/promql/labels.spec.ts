import { compareLabels, labelPairs } from './labels.js';

const names = ['version', 'runtime', 'workload'];

describe('compareLabels', () => {
  it.each([
    ['by value', { runtime: 'a', workload: 'w' }, { runtime: 'b', workload: 'w' }],
    ['by the first label that differs', { runtime: 'a', version: '9', workload: 'w' }, { runtime: 'b', version: '1', workload: 'w' }],
    ['by name where a label is missing before others', { runtime: 'z', workload: 'w' }, { version: 'a', workload: 'w' }],
    ['the shorter first where one begins like the other', { runtime: 'a' }, { runtime: 'a', version: '1' }],
    ['by bytes, not by numbers', { version: '17' }, { version: '9' }],
  ])('orders as Prometheus does: %s', (_, first, second) => {
    const pairs = [labelPairs(second, names), labelPairs(first, names)];
    expect(pairs.sort(compareLabels)).toEqual([labelPairs(first, names), labelPairs(second, names)]);
  });

  it('takes an empty value for a missing label', () =>
    expect(labelPairs({ runtime: '', version: '1' }, names)).toEqual([['version', '1']]));
});
