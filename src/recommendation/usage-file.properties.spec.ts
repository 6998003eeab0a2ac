import fc from 'fast-check';
import { explain } from '../usage-file/explain.js';
import { readUsageFile } from '../usage-file/read-usage-file.js';
import { recommend } from './recommend.js';
import type { Recommendations } from './recommendations.js';
import type { SizedKind } from './settings.js';

const seriesOf: Readonly<Record<SizedKind, readonly string[]>> = {
  container: [
    ...['cpuRequest.avg', 'cpuLimit.avg', 'memoryRequest.avg', 'memoryLimit.avg', 'cpuUsage.count'],
    ...['cpuUsage', 'cpuThrottle', 'memoryUsage'].flatMap((metric) => ['avg', 'min', 'max', 'sum'].map((name) => `${metric}.${name}`)),
    ...['memoryRSS.min', 'memoryRSS.max', 'jvmInfo.sum', 'acceleratorCoreUsage.max', 'acceleratorMemoryUsage.max', 'maxDate.max'],
  ],
  namespace: [
    ...['namespaceCpuRequest.sum', 'namespaceCpuLimit.sum', 'namespaceMemoryRequest.sum', 'namespaceMemoryLimit.sum'],
    ...['namespaceCpuUsage', 'namespaceCpuThrottle', 'namespaceMemoryUsage', 'namespaceMemoryRSS'].flatMap((metric) =>
      ['avg', 'min', 'max'].map((name) => `${metric}.${name}`),
    ),
    ...['namespaceTotalPods.avg', 'namespaceRunningPods.avg'],
  ],
};

const plainText = fc.double({ min: 0, max: 8, noNaN: true }).map(String);
const anyText = fc.oneof(
  plainText,
  fc.constantFrom('NaN', '+Inf', '-Inf', '0', '-1', '1e308', '5e-324', '1e100'),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
);

const labelled = { modelName: 'NVIDIA-A100-SXM4-40GB', runtime: 'OpenJDK', vendor: 'x', version: '17.0.2' };

/** Usage files of a kind. All intervals are within the last day, so that a recommendation is possible. */
function files(kind: SizedKind, text: fc.Arbitrary<string>) {
  const steps = fc.uniqueArray(fc.integer({ min: 0, max: 90 }), { minLength: 3, maxLength: 12 });
  const points = steps.chain((list) => fc.tuple(...list.map((step) => text.map((value) => [step, value] as [number, string]))));
  const series = fc.record(Object.fromEntries(seriesOf[kind].map((name) => [name, points])), { requiredKeys: [] });
  return fc.record({
    experiment_type: fc.constant(kind),
    namespace: fc.constant('shop'),
    container: fc.constant('cart'),
    now: fc.constant(1718000037),
    series: series.map((all) =>
      Object.fromEntries(
        Object.entries(all).map(([name, list]) => [name, /^(jvm|accel)/.test(name) ? { metric: labelled, points: list } : list]),
      ),
    ),
    layers: fc.subarray(['container', 'hotspot', 'semeru', 'quarkus']),
    recommendation_settings: fc.record(
      {
        oom: fc.boolean(),
        hpa: fc.constantFrom('keep', 'withhold', 'ignore'),
        bounds: fc.record({ cpu: fc.record({ min: fc.constant(0.1), max: fc.constant(3), step: fc.constantFrom(0.1, 1e-18, 1e18) }) }),
        change_threshold_percent: fc.double({ min: 0, max: 100, noNaN: true }),
        confidence: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
    evidence: fc.record({
      oom_kills: fc.array(
        fc.record({
          at_seconds: fc.integer({ min: 1717900000, max: 1718000037 }),
          limit_bytes: fc.double({ min: 1, max: 1e15, noNaN: true }),
        }),
      ),
      hpa_resources: fc.subarray(['cpu', 'memory']),
    }),
  });
}

type File = { series: Record<string, unknown> };

function recommendFile(file: object): Recommendations {
  const { usage, settings, evidence } = readUsageFile(file);
  return recommend(usage, settings, evidence);
}

const kinds: SizedKind[] = ['container', 'namespace'];

it.each(kinds)('gives finite numbers for every valid usage file of a %s, and explains them', (kind) => {
  fc.assert(
    fc.property(files(kind, anyText), (file) => {
      const text = JSON.stringify(recommendFile(file), (_, value: unknown) =>
        typeof value === 'number' && !Number.isFinite(value) ? 'not finite' : value,
      );

      expect(text).not.toContain('not finite');
      expect(explain(readUsageFile(file)).join('\n')).not.toMatch(/NaN|undefined/);
    }),
    { numRuns: 150 },
  );
});

it.each(kinds)('gives the same result for a %s in any order of series and points', (kind) => {
  fc.assert(
    fc.property(files(kind, anyText), (file) => {
      const reversed = Object.entries((file as File).series)
        .reverse()
        .map(([name, series]) => [name, Array.isArray(series) ? [...(series as unknown[])].reverse() : series]);

      expect(recommendFile({ ...file, series: Object.fromEntries(reversed) as object })).toEqual(recommendFile(file));
    }),
    { numRuns: 50 },
  );
});

it.each(kinds)('gives the same result for a %s with an additional NaN sample at another instant', (kind) => {
  const name = kind === 'container' ? 'cpuUsage.max' : 'namespaceCpuUsage.max';
  fc.assert(
    fc.property(files(kind, plainText), (file) => {
      const { series } = file as File;
      const points = (series[name] ?? []) as unknown[];

      expect(recommendFile({ ...file, series: { ...series, [name]: [...points, [95, 'NaN']] } })).toEqual(recommendFile(file));
    }),
    { numRuns: 50 },
  );
});

it.each([0.3, 3, 7.7])('recommends %s times the CPU for %s times the usage, and the same memory', (factor) => {
  // At least 10 cores: the rules change below one core, which 0.3 times the usage must not reach.
  const samples = fc.array(fc.double({ min: 10, max: 100, noNaN: true }), { minLength: 3, maxLength: 20 });
  fc.assert(
    fc.property(samples, (cores) => {
      const file = (times: number) => ({
        ...{ namespace: 'shop', container: 'cart', now: 1718000037 },
        series: {
          ...Object.fromEntries(
            ['avg', 'max', 'sum'].map((name) => [`cpuUsage.${name}`, cores.map((value, step) => [step, String(value * times)])]),
          ),
          'memoryUsage.max': cores.map((value, step) => [step, String(value * 1e6)]),
        },
      });
      const costs = [1, factor].map((times) => {
        const [instant] = Object.values(recommendFile(file(times)).data);
        return instant!.recommendation_terms.short_term!.recommendation_engines!.cost!.config.requests!;
      });

      expect(costs[1]!.cpu!.amount / costs[0]!.cpu!.amount).toBeCloseTo(factor, 9);
      expect(costs[1]!.memory).toEqual(costs[0]!.memory);
    }),
    { numRuns: 50 },
  );
});
