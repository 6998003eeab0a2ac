import { readUsageFile } from './read-usage-file.js';

const withSeries = (series: object, more: object = {}) =>
  readUsageFile({ namespace: 'shop', container: 'cart', now: 1718000037, ...more, series });
const gpu = (modelName: string, ...points: unknown[]) => ({ metric: { modelName }, points });

it('attaches GPU samples to the nearest interval within five minutes', () => {
  const series = {
    'cpuUsage.max': [
      [10, '1'],
      [5, '1'],
    ],
    'acceleratorMemoryUsage.max': gpu('NVIDIA A100-40GB', [11, '60'], [2, '70']),
    'acceleratorCoreUsage.max': gpu('nvidia a100-40gb', [5, '30']),
  };
  const { usage } = withSeries(series, { step_min: 2 });
  const samples = (column: 'acceleratorMemoryUsage.max' | 'acceleratorCoreUsage.max') =>
    [...usage.columns[column]!].flatMap((value, row) => (Number.isNaN(value) ? [] : [[usage.length - 1 - row, value]]));

  expect(usage.acceleratorModel).toBe('NVIDIA A100-40GB');
  expect(samples('acceleratorMemoryUsage.max')).toEqual([[10, 60]]);
  expect(samples('acceleratorCoreUsage.max')).toEqual([[5, 30]]);
});

it('gives an interval the latest of its GPU samples, in any order of points', () => {
  const points = [
    [11, '60'],
    [9, '70'],
  ];

  for (const samples of [points, [...points].reverse()]) {
    const { usage } = withSeries(
      { 'cpuUsage.max': [[10, '1']], 'acceleratorMemoryUsage.max': gpu('A100-40GB', ...samples) },
      { step_min: 2 },
    );

    expect(usage.columns['acceleratorMemoryUsage.max']!.at(-11)).toBe(70);
  }
});

it('attaches no GPU sample to an interval that only a JVM makes', () => {
  const series = {
    'cpuUsage.max': [[1, '1']],
    'jvmInfo.sum': { metric: { version: '17' }, points: [[0, '1']] },
    'acceleratorMemoryUsage.max': gpu('A100-40GB', [1, '60'], [0, '90']),
  };

  expect([...withSeries(series).usage.columns['acceleratorMemoryUsage.max']!.slice(-2)]).toEqual([60, Number.NaN]);
});

it.each([
  ['the 15 days before now', {}, 'A100-40GB'],
  ['the 15 days before now, with an earlier end of the interval', { interval_end_time: '2024-05-26T06:13:57.000Z' }, 'A100-40GB'],
  ['the time before these 15 days', { interval_end_time: '2024-05-26T06:13:56.000Z' }, undefined],
  ['the time after now', { interval_end_time: '2024-06-10T06:13:58.000Z' }, undefined],
  ['a file without activity', { interval_end_time: '2024-06-10T06:13:57.000Z', no_maxdate: true }, undefined],
])('looks for a GPU in the 15 days before now, whatever the end of the interval: samples in %s', (_, more, model) => {
  const series = { 'cpuUsage.max': [[0, '1']], 'acceleratorMemoryUsage.max': gpu('A100-40GB', [0, '60']) };

  expect(withSeries(series, more).usage.acceleratorModel).toBe(model);
});

it('looks for a GPU before the end of the interval if the file has no now', () => {
  const series = { 'cpuUsage.max': [[0, '1']], 'acceleratorMemoryUsage.max': gpu('A100-40GB', [0, '60']) };

  expect(withSeries(series, { now: undefined, interval_end_time: '2024-06-10T06:13:57.000Z' }).usage.acceleratorModel).toBe('A100-40GB');
});

it.each([
  ['an unsupported card', { 'acceleratorMemoryUsage.max': gpu('Tesla T4', [0, '60']) }],
  ['a series without modelName', { 'acceleratorMemoryUsage.max': [[0, '60']] }],
  ['no memory samples', { 'acceleratorCoreUsage.max': gpu('A100-40GB', [0, '60']) }],
])('finds no GPU with %s', (_, series) => {
  expect(withSeries({ ...series, 'cpuUsage.max': [[0, '1']] }).usage.acceleratorModel).toBeUndefined();
});
