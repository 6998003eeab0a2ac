import fc from 'fast-check';
import { recommend } from './recommend.js';
import type { Recommendations } from './recommendations.js';
import { defaultModels, defaultTerms, type RecommendationSettings, recommendationTypes, type SizedKind } from './settings.js';
import { columnsRead, type UsageColumn, type UsageTable } from './usage-table.js';

const grid = { endSeconds: 1718000037, stepSeconds: 900 };

const settingsOf = (experimentType: SizedKind): RecommendationSettings => ({
  experimentType,
  measurementDurationMinutes: 15,
  threshold: 0.1,
  terms: [{ name: 'hour', days: 1 / 24, minimum: { minutes: 0 }, plotBins: 1 }, ...defaultTerms],
  models: [...defaultModels, { name: 'low', cpuPercentile: 10, memoryPercentile: 10, acceleratorPercentile: 10, notice: 112103 }],
  layers: ['container', 'hotspot', 'semeru', 'quarkus'],
  plots: true,
  types: recommendationTypes,
});

/** Any double; special values are frequent. */
const anyNumber = fc.oneof(
  fc.double(),
  fc.double({ min: 0, max: 4 }),
  fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, -0, 5e-324, -5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 1e100, -1e100),
);

function tables(kind: SizedKind, number: fc.Arbitrary<number>): fc.Arbitrary<UsageTable> {
  return fc.integer({ min: 0, max: 12 }).chain((length) => {
    const column = fc.array(number, { minLength: length, maxLength: length }).map((list) => Float64Array.from(list));
    const names: UsageColumn[] = [...columnsRead[kind], 'cpuUsage.count'];
    return fc.record({
      ...{ endSeconds: fc.constant(grid.endSeconds), stepSeconds: fc.constant(grid.stepSeconds), length: fc.constant(length) },
      present: fc.array(fc.constantFrom(0, 1, 1, 1), { minLength: length, maxLength: length }).map((list) => Uint8Array.from(list)),
      columns: fc.record(Object.fromEntries(names.map((name) => [name, column])), { requiredKeys: [] }),
      acceleratorModel: fc.constantFrom('NVIDIA-A100-SXM4-40GB', 'H200', ''),
      jvm: fc.record({ runtime: fc.string(), vendor: fc.string(), version: fc.constantFrom('17', '', '1.8.0', '1.', 'x', '21+35') }),
    });
  });
}

/** Paths of numbers that JSON cannot represent. */
function nonFinitePaths(value: unknown, path = ''): string[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => nonFinitePaths(member, `${path}.${name}`));
}

it('would notice a number that JSON cannot represent', () => {
  expect(nonFinitePaths({ a: [1, { b: Number.NaN }] })).toEqual(['.a.1.b']);
});

const kinds: SizedKind[] = ['container', 'namespace'];

it.each(kinds)('gives finite numbers for any table of a %s and never throws', (kind) => {
  const settings = settingsOf(kind);
  fc.assert(
    fc.property(tables(kind, anyNumber), (usage) => {
      const recommended = recommend(usage, settings);

      expect(nonFinitePaths(recommended)).toEqual([]);
      expect(Object.keys(recommended.data)).toHaveLength(usage.present.includes(1) ? 1 : 0);
    }),
    { numRuns: 300 },
  );
});

/** Adds an empty row before the first or after the last. */
function withEmptyRow(usage: UsageTable, isLast: boolean): UsageTable {
  const row = isLast ? 0 : 1;
  const columns = Object.entries(usage.columns).map(([name, values]) => {
    const longer = new Float64Array(usage.length + 1).fill(Number.NaN);
    longer.set(values, row);
    return [name, longer];
  });
  const present = new Uint8Array(usage.length + 1);
  present.set(usage.present, row);
  const endSeconds = usage.endSeconds + (isLast ? usage.stepSeconds : 0);
  return { ...usage, endSeconds, length: usage.length + 1, present, columns: Object.fromEntries(columns) };
}

it.each(kinds)('gives the same result for a %s with an additional empty row', (kind) => {
  const settings = settingsOf(kind);
  fc.assert(
    fc.property(tables(kind, anyNumber), fc.boolean(), (usage, isLast) => {
      expect(recommend(withEmptyRow(usage, isLast), settings)).toEqual(recommend(usage, settings));
    }),
    { numRuns: 50 },
  );
});

const unscaled = ['pods_count', 'confidence_level', 'duration_in_hours', 'datapoints', 'code'];

/** The recommendations with every amount of CPU and memory multiplied by `factor`. */
function scaled(value: unknown, factor: number, name = ''): unknown {
  if (typeof value === 'number') return unscaled.includes(name) ? value : value * factor;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, scaled(member, factor, key)]));
}

function withColumnsScaled(usage: UsageTable, factor: number): UsageTable {
  const unchanged = ['cpuUsage.count', 'namespaceTotalPods.avg'];
  const columns = Object.entries(usage.columns).map(([name, values]) => [
    name,
    unchanged.includes(name) ? values : values.map((value) => value * factor),
  ]);
  return { ...usage, columns: Object.fromEntries(columns) };
}

it.each(kinds)('recommends twice as much for a %s with twice the usage and configured amounts', (kind) => {
  // Integers from 1 on: the rules change below one core, and spikes are rounded to whole bytes.
  const number = fc.integer({ min: 1, max: 1_000_000 });
  const settings = { ...settingsOf(kind), layers: [] };
  const usages = tables(kind, number).filter(({ columns }) => !!columns['cpuUsage.max'] || !!columns['namespaceCpuUsage.max']);
  fc.assert(
    fc.property(usages, (table) => {
      const usage = { ...table, acceleratorModel: undefined };
      const twice: Recommendations = recommend(withColumnsScaled(usage, 2), settings);

      expect(twice).toEqual(scaled(recommend(usage, settings), 2));
    }),
    { numRuns: 50 },
  );
});

it.each(kinds)('never recommends less CPU for performance than for cost for a %s', (kind) => {
  fc.assert(
    fc.property(tables(kind, fc.double({ min: 0, max: 8, noNaN: true })), (usage) => {
      for (const { recommendation_terms } of Object.values(recommend(usage, settingsOf(kind)).data)) {
        for (const { recommendation_engines } of Object.values(recommendation_terms)) {
          const coresOf = (model: string) => {
            const recommended = recommendation_engines?.[model]?.variation.requests?.cpu?.amount;
            return recommended ?? -Infinity;
          };
          if (coresOf('cost') > 0) expect(coresOf('performance')).toBeGreaterThanOrEqual(coresOf('cost'));
        }
      }
    }),
  );
});
