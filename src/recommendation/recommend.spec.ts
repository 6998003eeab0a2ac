import { readUsageFile } from '../usage-file/read-usage-file.js';
import { recommend } from './recommend.js';
import type { InstantRecommendation, ModelRecommendation } from './recommendations.js';
import type { UsageTable } from './usage-table.js';

type Values = readonly (number | string)[];

/** A usage file whose series all end at the last interval. */
const fileOf = (series: Readonly<Record<string, Values>>, more: object = {}) => ({
  ...{ namespace: 'shop', container: 'cart', now: 1718000037 },
  series: Object.fromEntries(
    Object.entries(series).map(([name, values]) => [name, values.map((value, at) => [values.length - 1 - at, String(value)])]),
  ),
  ...more,
});

const end = '2024-06-10T06:13:57.000Z';

function instantOf(
  series: Readonly<Record<string, Values>>,
  more: object = {},
  change = (usage: UsageTable) => usage,
): InstantRecommendation {
  const { usage, settings } = readUsageFile(fileOf(series, more));
  return recommend(change(usage), settings).data[end]!;
}

const enginesOf = (instant: InstantRecommendation, term = 'short_term') => instant.recommendation_terms[term]!.recommendation_engines!;
const costOf = (...args: Parameters<typeof instantOf>): ModelRecommendation => enginesOf(instantOf(...args)).cost!;
const repeat = (count: number, value: number | string): Values => Array.from({ length: count }, () => value);

const steady = {
  ...{ 'cpuUsage.avg': [0.5, 0.5], 'cpuUsage.sum': [1, 1], 'cpuUsage.max': [0.5, 0.5], 'cpuUsage.min': [0.5, 0.5] },
  ...{ 'memoryUsage.avg': [1e8, 1e8], 'memoryUsage.sum': [2e8, 2e8], 'memoryUsage.max': [1e8, 1e8], 'memoryUsage.min': [1e8, 1e8] },
};

describe('models', () => {
  it('keep one amount for both request and limit, as Kruize does', () => {
    const cost = costOf({
      ...steady,
      ...{ 'cpuRequest.avg': [0.5001, 0.5001], 'cpuLimit.avg': [1, 1] },
      ...{ 'memoryRequest.avg': [1.0005e8, 1.0005e8], 'memoryLimit.avg': [1.0002e8, 1.0002e8] },
    });

    expect(cost.config).toEqual({
      requests: { cpu: { amount: 0.5001, format: 'cores' }, memory: { amount: 1.0002e8, format: 'bytes' } },
      limits: { cpu: { amount: 0.5001, format: 'cores' }, memory: { amount: 1.0002e8, format: 'bytes' } },
    });
    expect(cost.variation).toEqual({
      requests: { cpu: { amount: 0, format: 'cores' }, memory: { amount: 0, format: 'bytes' } },
      limits: { cpu: { amount: -0.5, format: 'cores' }, memory: { amount: 0, format: 'bytes' } },
    });
    expect(Object.keys(cost.notifications)).toEqual(['323004', '324003', '324004']);
  });

  it('use the average if the maximum is 0', () => {
    expect(costOf({ ...steady, 'cpuUsage.max': [0, 0] }).config.requests?.cpu?.amount).toBe(0.5);
  });

  it('use the maximum only below one core, and the percentile at one core', () => {
    const peaks = (last: number) => ({ 'cpuUsage.max': [...repeat(9, 0.5), last], 'cpuUsage.avg': repeat(10, 0.1) });

    expect(costOf(peaks(0.9)).config.requests?.cpu?.amount).toBe(0.9);
    expect(costOf(peaks(1)).config.requests?.cpu?.amount).toBe(0.5);
  });

  it('use the average per pod if it is above the busiest pod, from one core on', () => {
    const usage = { 'cpuUsage.max': [1.2, 1.2], 'cpuUsage.avg': [0.5, 0.5], 'cpuUsage.sum': [2, 2], 'cpuThrottle.sum': [8, 8] };

    expect(costOf(usage).config.requests?.cpu?.amount).toBe(2.5);
    expect(costOf({ ...usage, 'cpuUsage.max': [1, 1] }).config.requests?.cpu?.amount).toBe(2.5);
    expect(costOf({ ...usage, 'cpuUsage.max': [0.9, 0.9] }).config.requests?.cpu?.amount).toBe(0.9);
  });

  it('divide by the pods of memory if CPU has none', () => {
    const usage = { 'cpuThrottle.max': [2, 2], 'cpuThrottle.sum': [9, 9], 'memoryUsage.avg': [1e8, 1e8], 'memoryUsage.sum': [3e8, 3e8] };

    expect(costOf(usage).variation.requests?.cpu?.amount).toBe(3);
  });

  it('leave throttling without usage out of the config but not out of the variation', () => {
    const cost = costOf({ 'cpuThrottle.max': [0.4, 0.4] });

    expect(cost.config).toEqual({});
    expect(cost.variation).toEqual({ requests: { cpu: { amount: 0.4, format: '' } }, limits: { cpu: { amount: 0.4, format: '' } } });
    expect(Object.keys(cost.notifications)).toEqual(['221001', '223003', '324001']);
  });

  it('count instants that have only a request as idle', () => {
    const usage = { 'cpuRequest.avg': repeat(97, 1), 'cpuUsage.max': [3, 3, 3, 3], 'cpuUsage.avg': [3, 3, 3, 3] };
    const { cost, performance } = enginesOf(instantOf(usage));

    expect(Object.keys(cost!.notifications)).toContain('323002');
    expect(performance!.config.requests?.cpu?.amount).toBe(3);
  });

  it.each([
    [0.0011, undefined],
    [0.001, '323001'],
    [0, '323002'],
  ])('for a maximum of %d cores give the notification %s', (cores, code) => {
    const cost = costOf({ ...steady, 'cpuUsage.max': [cores, cores], 'cpuUsage.avg': [cores, cores] });

    expect(Object.keys(cost.notifications).find((known) => known.startsWith('323'))).toBe(code);
    expect(cost.config.requests?.cpu === undefined).toBe(code !== undefined);
  });

  it('recommend no memory rather than a negative amount if only its minima are known', () => {
    const cost = costOf({ ...steady, 'memoryUsage.sum': [], 'memoryUsage.max': [], 'memoryRSS.min': [9e7, 9e7] });

    expect(cost.config.requests).toEqual({ cpu: { amount: 0.5, format: 'cores' } });
    expect(Object.keys(cost.notifications)).toEqual(['324001']);
  });

  it('run a custom model under its name', () => {
    const model_settings = { models: ['p50'], model_tunables: { p50: { cpu_percentile: 50, memory_percentile: 50 } } };
    const usage = { 'cpuUsage.max': [1, 2, 3], 'memoryUsage.max': [1e8, 2e8, 3e8], 'memoryUsage.min': [1e8, 2e8, 3e8] };
    const instant = instantOf(usage, { model_settings });

    expect(Object.keys(enginesOf(instant))).toEqual(['p50']);
    expect(enginesOf(instant).p50!.config.requests).toEqual({
      cpu: { amount: 2, format: 'cores' },
      memory: { amount: 2e8, format: 'bytes' },
    });
    expect(Object.keys(instant.recommendation_terms.short_term!.notifications)).toEqual(['112103']);
  });

  it('compute only the requested resources, but runtimes from both', () => {
    const more = { recommendation_types_config: { resources: ['memory'] }, layers: ['container', 'hotspot'] };
    const cost = costOf(steady, more);

    expect(cost.config.requests).toEqual({ memory: { amount: 1e8, format: 'bytes' } });
    expect(cost.variation.limits).toEqual({ memory: { amount: 1e8, format: 'bytes' } });
    expect(Object.keys(cost.notifications)).toEqual(['112104']);
  });
});

describe('the JVM', () => {
  const large = { 'cpuUsage.max': repeat(193, 4), 'memoryUsage.max': repeat(193, 1e10), 'memoryUsage.min': repeat(193, 1e9) };
  const lastSeen = (stepsBeforeEnd: number) => ({ metric: { version: '17.0.2' }, points: [[stepsBeforeEnd, '1']] });
  const optionsOf = (file: object, term: string) => {
    const { usage, settings } = readUsageFile(file);
    const { cost } = recommend(usage, settings).data[end]!.recommendation_terms[term]!.recommendation_engines!;
    return cost!.config.env![0]!.value;
  };

  it.each([
    [96, 'short_term', '-XX:MaxRAMPercentage=80.0 -XX:+UseZGC '],
    [97, 'short_term', '-XX:MaxRAMPercentage=80.0 -XX:+UseG1GC '],
    [97, 'medium_term', '-XX:MaxRAMPercentage=80.0 -XX:+UseZGC '],
  ])('that was last seen %d intervals ago gives %s the options %s', (steps, term, options) => {
    const file = fileOf(large, { layers: ['container', 'hotspot'] });

    expect(optionsOf({ ...file, series: { ...file.series, 'jvmInfo.sum': lastSeen(steps) } }, term)).toBe(options);
  });
});

describe('pods_count', () => {
  const threePods = { 'cpuUsage.avg': [0.1, 0.1], 'cpuUsage.sum': [0.30000000000000004, 0.30000000000000004], 'cpuUsage.max': [0.1, 0.1] };

  it('ignores the rounding error of a quotient', () => {
    expect(0.30000000000000004 / 0.1).toBeGreaterThan(3);
    expect(costOf(threePods).pods_count).toBe(3);
  });

  it('is the number of series if the reader counted them', () => {
    expect(costOf({ ...threePods, 'cpuUsage.count': [4, 3] }).pods_count).toBe(4);
  });

  it.each([
    ['idle', [0.1, 0]],
    ['missing', [0.1, 'NaN']],
  ])('is not counted where CPU is %s, with either source', (_, avg) => {
    expect(costOf({ ...threePods, 'cpuUsage.avg': avg, 'cpuUsage.count': [3, 7] }).pods_count).toBe(3);
  });

  it('of 0 gives an error notification', () => {
    const cost = costOf({ 'memoryUsage.max': [1e8, 1e8] });

    expect(cost.pods_count).toBe(0);
    expect(Object.keys(cost.notifications)).toContain('221001');
  });

  it('is rounded up from the average of a namespace', () => {
    const usage = { 'namespaceCpuUsage.max': [1, 1], 'namespaceTotalPods.avg': [4.2, 3] };

    expect(costOf(usage, { experiment_type: 'namespace' }).pods_count).toBe(5);
  });
});

describe('current', () => {
  const current = (series: Readonly<Record<string, Values>>) => {
    const instant = instantOf({ ...steady, ...series });
    return [instant.current, Object.keys(instant.notifications).filter((code) => code !== '111101')];
  };

  it('gives two notifications for each missing amount', () => {
    expect(current({})).toEqual([{}, ['223001', '224001', '423001', '523001', '524001', '524002']]);
  });

  it('has the amounts of the last interval only', () => {
    const set = { 'cpuRequest.avg': [1, 2], 'cpuLimit.avg': [1, 3], 'memoryRequest.avg': [1, 4], 'memoryLimit.avg': [1, 5] };

    expect(current(set)).toEqual([
      {
        requests: { cpu: { amount: 2, format: 'cores' }, memory: { amount: 4, format: 'bytes' } },
        limits: { cpu: { amount: 3, format: 'cores' }, memory: { amount: 5, format: 'bytes' } },
      },
      [],
    ]);
    expect(current({ ...set, 'cpuRequest.avg': [1, 'NaN'] })[1]).toEqual(['223001', '523001']);
  });

  it('leaves out amounts that are not above 0', () => {
    const set = { 'cpuRequest.avg': [0, 0], 'cpuLimit.avg': [1, 1], 'memoryRequest.avg': [1, -1], 'memoryLimit.avg': [1, 1] };

    expect(current(set)).toEqual([
      { limits: { cpu: { amount: 1, format: 'cores' }, memory: { amount: 1, format: 'bytes' } } },
      ['223002', '224002'],
    ]);
  });
});

describe('terms', () => {
  const termsOf = (series: Readonly<Record<string, Values>>, more?: object) =>
    Object.entries(instantOf(series, more).recommendation_terms).map(([name, { recommendation_engines }]) => [
      name,
      !!recommendation_engines,
    ]);

  it.each([
    [192, 191],
    [768, 767],
  ])('of medium and long length need %d intervals; %d are too few', (enough, tooFew) => {
    const available = (count: number) => termsOf({ 'cpuUsage.max': repeat(count, 1) }).filter(([, isAvailable]) => isAvailable).length;

    expect(available(enough)).toBe(available(tooFew) + 1);
  });

  it('give no recommendation with too little data', () => {
    const { data, notifications } = (({ usage, settings }) => recommend(usage, settings))(readUsageFile(fileOf({ 'cpuUsage.max': [1] })));

    expect(data).toEqual({});
    expect(Object.keys(notifications)).toEqual(['120001']);
  });

  it('include a custom term as soon as its minimum time was observed', () => {
    const sprint = { name: 'sprint', duration_in_days: 2.5, duration_threshold_in_hours: 1, plots_datapoints: 5 };
    const more = { term_settings: { terms: ['short', sprint] } };
    const instant = instantOf({ 'cpuUsage.max': repeat(4, 1) }, more);
    const { duration_in_hours, monitoring_start_time, plots } = instant.recommendation_terms.sprint!;

    expect(termsOf({ 'cpuUsage.max': repeat(3, 1) }, more)).toEqual([
      ['short_term', true],
      ['sprint', false],
    ]);
    expect({ duration_in_hours, monitoring_start_time }).toEqual({
      duration_in_hours: 60,
      monitoring_start_time: '2024-06-07T18:13:57.000Z',
    });
    expect(plots!.datapoints).toBe(5);
    expect(Object.keys(plots!.plots_data)[0]).toBe('2024-06-08T06:13:57.000Z');
    expect(Object.keys(instant.notifications)).not.toContain('111102');
  });

  it('scale the minimum time with the measurement duration', () => {
    expect(termsOf({ 'cpuUsage.max': repeat(192, 1) }, { step_min: 30 })).toContainEqual(['medium_term', true]);
  });
});

describe('plots', () => {
  const dayLong = { 'cpuUsage.max': repeat(97, 0.2).with(0, 0.9), 'memoryUsage.max': repeat(97, 'NaN') };
  const points = Object.values(instantOf(dayLong).recommendation_terms.short_term!.plots!.plots_data);

  it('leave out the interval exactly at the start of the term, which the models use', () => {
    expect(points).toHaveLength(4);
    for (const point of points) expect(point.cpuUsage?.max).toBe(0.2);
    expect(costOf(dayLong).config.requests?.cpu?.amount).toBe(0.9);
  });

  it('show zeros without a format if a bin has intervals but not the metric', () => {
    expect(points[0]!.memoryUsage).toEqual({ min: 0, q1: 0, median: 0, q3: 0, max: 0, format: '' });
  });

  it.each([
    ['container', 'cpuUsage', 'cores', 'cpuUsage.sum'],
    ['container', 'memoryUsage', 'bytes', 'memoryUsage.avg'],
    ['namespace', 'cpuUsage', 'cores', 'namespaceCpuUsage.min'],
    ['namespace', 'memoryUsage', 'bytes', 'namespaceMemoryUsage.avg'],
  ])('know the format of a %s if %s has any function in the bin: %s from %s', (experiment_type, usage, format, series) => {
    const { plots } = instantOf({ [series]: [1, 1] }, { experiment_type }).recommendation_terms.short_term!;

    expect(Object.values(plots!.plots_data).at(-1)).toMatchObject({ [usage]: { max: 0, format } });
  });

  it('are left out if they were not requested', () => {
    const { usage, settings } = readUsageFile(fileOf(steady));
    const { recommendation_terms } = recommend(usage, { ...settings, plots: false }).data[end]!;

    expect(recommendation_terms.short_term).not.toHaveProperty('plots');
  });

  it('have a minimum of 0 if any interval is idle', () => {
    const [point] = Object.values(
      instantOf({ ...steady, 'cpuUsage.max': [0, 2], 'cpuUsage.avg': [0, 1], 'cpuUsage.min': [0, 1] }).recommendation_terms.short_term!
        .plots!.plots_data,
    ).slice(-1);

    expect(point!.cpuUsage).toEqual({ min: 0, q1: 0, median: 2, q3: 2, max: 2, format: 'cores' });
  });
});

describe('samples that are not numbers', () => {
  it.each(['NaN', '+Inf', '-Inf'])('count as missing: %s', (text) => {
    const complete = costOf({ ...steady, 'cpuUsage.max': [0.7, 0.5] });
    const broken = costOf({ ...steady, 'cpuUsage.max': [0.7, text] });

    expect(broken).toEqual(complete);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300])('count as missing in a table: %d', (number) => {
    const spoil = (usage: UsageTable): UsageTable => {
      const column = usage.columns['cpuUsage.max']!.slice();
      column[column.length - 1] = number;
      return { ...usage, columns: { ...usage.columns, 'cpuUsage.max': column } };
    };

    expect(costOf(steady, {}, spoil)).toEqual(costOf(steady));
  });
});
