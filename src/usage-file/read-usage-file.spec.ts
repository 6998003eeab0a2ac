import { readUsageFile } from './read-usage-file.js';
import { UsageFileError } from './read-usage-series.js';

const file = { namespace: 'shop', container: 'cart', now: 1718000037, series: {} };
const withSeries = (series: object, more: object = {}) => readUsageFile({ ...file, ...more, series });
const rowsPresent = ({ usage }: ReturnType<typeof readUsageFile>) =>
  [...usage.present].flatMap((present, row) => (present ? [usage.length - 1 - row] : []));

it('puts each sample the given number of steps before the end', () => {
  const { usage } = withSeries({
    'cpuUsage.max': [
      [2, '0.25'],
      [0, '1e-3'],
    ],
  });

  expect({ end: usage.endSeconds, step: usage.stepSeconds, rows: usage.length }).toEqual({ end: 1718000037, step: 900, rows: 1441 });
  expect([...usage.columns['cpuUsage.max']!.slice(-3)]).toEqual([0.25, Number.NaN, 0.001]);
});

it('makes an interval of every instant of a queried metric, used or not', () => {
  const series = { 'cpuRequest.sum': [[9, '1']], 'jvmInfoTotal.sum': [[5, '1']], 'memoryRSS.avg': [[3, '1']] };

  expect(rowsPresent(withSeries(series))).toEqual([9, 5, 3]);
});

it('makes no interval of a value that is not a number, of a metric of the other kind, or outside the longest term', () => {
  const series = {
    'cpuUsage.max': [
      [0, 'NaN'],
      [1, '+Inf'],
      [-1, '1'],
      [97, '1'],
    ],
    'namespaceCpuUsage.max': [[2, '1']],
    'acceleratorCoreUsage.max': [[3, '1']],
  };

  expect(rowsPresent(withSeries(series, { term_settings: { terms: ['short'] } }))).toEqual([]);
  expect(rowsPresent(withSeries({ 'cpuUsage.max': [[96, '1']] }, { term_settings: { terms: ['short'] } }))).toEqual([96]);
});

it('keeps the number if an instant has both a number and NaN, in any order', () => {
  const twice = [
    [0, '0.5'],
    [0, 'NaN'],
  ];

  for (const points of [twice, [...twice].reverse()]) {
    expect(withSeries({ 'cpuUsage.max': points }).usage.columns['cpuUsage.max']!.at(-1)).toBe(0.5);
  }
});

it('takes no JVM and no GPU from a series that has only NaN', () => {
  const { usage } = withSeries({
    'cpuUsage.max': [[0, '1']],
    'jvmInfo.sum': { metric: { version: '17' }, points: [[0, 'NaN']] },
    'acceleratorMemoryUsage.max': { metric: { modelName: 'A100-40GB' }, points: [[0, 'NaN']] },
  });

  expect(usage.jvm).toBeUndefined();
  expect(usage.acceleratorModel).toBeUndefined();
});

it('reads no samples of a container without activity unless the file has an end of the interval', () => {
  const series = { 'cpuUsage.max': [[0, '1']] };
  const idle = { no_maxdate: true };

  expect(rowsPresent(withSeries(series, idle))).toEqual([]);
  expect(rowsPresent(withSeries(series, { ...idle, interval_end_time: '2024-06-10T06:00:00.999Z' }))).toEqual([0]);
});

it('needs no series for a container without activity', () => {
  expect(rowsPresent(readUsageFile({ namespace: 'shop', container: 'cart', now: 1718000037, no_maxdate: true }))).toEqual([]);
});

it('ignores the members of a container in a file of a namespace', () => {
  const members = { container: '', workload: 1, workload_type: '', image: '' };

  expect(readUsageFile({ ...file, ...members, experiment_type: 'namespace' }).subject).toMatchObject({
    type: 'namespace',
    namespace: 'shop',
  });
});

it('ends at the given time, without its milliseconds', () => {
  expect(readUsageFile({ ...file, now: undefined, interval_end_time: '2024-06-10T06:00:00.999Z' }).usage.endSeconds).toBe(1717999200);
});

it('reads the labels of the JVM', () => {
  const { usage } = withSeries({ 'jvmInfo.sum': { metric: { runtime: 'OpenJDK', version: '17' }, points: [[0, '1']] } });

  expect(usage.jvm).toEqual({ runtime: 'OpenJDK', vendor: '', version: '17' });
});

it('reads settings and fills in defaults', () => {
  const layers = ['container-config.json', 'semeru-actuator-config.json'];

  expect(readUsageFile({ ...file, threshold: 10, step_min: 30, layers }).settings).toMatchObject({
    threshold: 10,
    measurementDurationMinutes: 30,
    layers: ['container', 'semeru'],
  });
  expect(readUsageFile(file).settings).toMatchObject({ threshold: 0.1, measurementDurationMinutes: 15, layers: [], plots: true });
});

it('fills in the names of the experiment', () => {
  expect(readUsageFile(file).subject).toEqual({
    ...{ type: 'container', name: 'exp1', clusterName: 'default', namespace: 'shop' },
    ...{ workload: 'wl', workloadType: 'deployment', container: 'cart', image: 'img:1' },
  });
});

it.each([
  [null, '', 'expected an object'],
  [[file], '', 'expected an object'],
  [{ ...file, namespace: undefined }, 'namespace', 'expected a text'],
  [{ ...file, container: '' }, 'container', 'expected a text'],
  [{ ...file, experiment_type: 'pod' }, 'experiment_type', 'expected container or namespace'],
  [{ ...file, now: undefined }, 'now', 'expected Unix seconds'],
  [{ ...file, now: '1718000037' }, 'now', 'expected Unix seconds'],
  [{ ...file, interval_end_time: '2024-06-10' }, 'interval_end_time', 'is not a valid timestamp format'],
  [{ ...file, interval_end_time: '2024-13-10T06:00:00.000Z' }, 'interval_end_time', 'is not a valid timestamp format'],
  [{ ...file, no_maxdate: 'yes' }, 'no_maxdate', 'expected true or false'],
  [{ ...file, step_min: 1 }, 'step_min', 'whole number of minutes'],
  [{ ...file, threshold: '0.1' }, 'threshold', 'expected a number'],
  [{ ...file, layers: ['spring'] }, 'layers.0', 'unknown layer "spring"'],
  [{ ...file, layers: ['toString'] }, 'layers.0', 'unknown layer'],
  [{ ...file, term_settings: { terms: ['weekly'] } }, 'term_settings.terms.0', 'unknown term'],
  [{ ...file, model_settings: { models: ['p90'] } }, 'model_settings.models.0', 'Recommendation Tunables cannot be null'],
  [{ namespace: 'shop', container: 'cart', now: 1718000037 }, 'series', 'expected an object'],
  [{ ...file, series: { 'cpuUsage.p99': [] } }, 'series.cpuUsage.p99', 'unknown series'],
  [{ ...file, series: { cpuUsage: [] } }, 'series.cpuUsage', 'unknown series'],
  [{ ...file, series: { 'cpuUsage.max': 'x' } }, 'series.cpuUsage.max', 'expected an object'],
  [{ ...file, series: { 'cpuUsage.max': [[0.5, '1']] } }, 'series.cpuUsage.max.0', 'whole number of steps'],
  [{ ...file, series: { 'cpuUsage.max': [[0, '1'], [1]] } }, 'series.cpuUsage.max.1', 'whole number of steps'],
  [{ ...file, series: { 'cpuUsage.max': [[0, 'much']] } }, 'series.cpuUsage.max.0.1', 'expected a number as a string, got "much"'],
  [{ ...file, series: { 'cpuUsage.max': [[0, null]] } }, 'series.cpuUsage.max.0.1', 'got null'],
])('refuses %j and names the field', (json, field, fault) => {
  expect(() => readUsageFile(json)).toThrow(
    expect.objectContaining({ constructor: UsageFileError, field, message: expect.stringContaining(fault) }),
  );
});
