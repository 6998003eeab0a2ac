import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { MetadataProfileError, metadataProfileSchema } from '../profiles/metadata-profile.js';
import { parsePromql } from '../promql/expression.js';
import {
  areDays,
  durationText,
  lengthAt,
  planDiscoveryQuery,
  planExclusionQueries,
  planFinerWindows,
  planWindows,
  readQueryPlaces,
  startOf,
} from './plan-discovery.js';

/** The text at each place of all selectors. */
function placesOf(text: string) {
  const { selectors = [], durations = [] } = readQueryPlaces(text) ?? {};
  const cut = ({ from, to }: { from: number; to: number }) => text.slice(from, to);
  return {
    fields: selectors.flatMap(({ fields }) => fields.map(({ field }) => field)),
    slots: selectors.flatMap(({ slots }) => slots.map(cut)),
    labels: selectors.flatMap(({ labels }) => labels.map(cut)),
    durations: durations.map(cut),
  };
}
const none = { fields: [], slots: [], labels: [], durations: [] };

describe('readQueryPlaces', () => {
  it.each([
    ['x{namespace!="" ADDITIONAL_LABEL}[$MEASUREMENT_DURATION_IN_MIN$m]'],
    ['x{a="b" , namespace  !=  \'\' ADDITIONAL_LABEL } [ $MEASUREMENT_DURATION_IN_MIN$m ]'],
    ['x { # of all\n namespace!=`` ADDITIONAL_LABEL,}[$MEASUREMENT_DURATION_IN_MIN$m]'],
  ])('finds filter, labels and window in %s', (text) =>
    expect(placesOf(text)).toEqual({
      ...none,
      fields: ['namespace'],
      labels: ['ADDITIONAL_LABEL'],
      durations: ['$MEASUREMENT_DURATION_IN_MIN$m'],
    }),
  );

  it.each([
    ['x{%s}', ['%s']],
    ['x{%s , a="b"}', ['%s ,']],
    ['x{a="b", %s}', ['%s']],
  ])('finds the slot of %s', (text, slots) => expect(placesOf(text)).toEqual({ ...none, slots }));

  it.each([
    ['label_replace(x, "a", "namespace!=\\"\\" ADDITIONAL_LABEL %s $MEASUREMENT_DURATION_IN_MIN$m", "", "")'],
    ['x{a=\'namespace!="", workload!="" ADDITIONAL_LABEL %s\'} # container!="" ADDITIONAL_LABEL %s'],
    ['x{a="b" # ADDITIONAL_LABEL\n}'],
    ['5 %s'],
    ['x{exported_namespace!="", pod!="", namespace="", namespace!="a"}'],
    ['sum by (namespace) (x)'],
  ])('finds none in %s', (text) => expect(placesOf(text)).toEqual(none));

  it('finds the window length in durations and in arithmetic, with its unit if that is minutes', () => {
    const text = 'x[1h$MEASUREMENT_DURATION_IN_MIN$m] offset $MEASUREMENT_DURATION_IN_MIN$s / $MEASUREMENT_DURATION_IN_MIN$';
    const number = '$MEASUREMENT_DURATION_IN_MIN$';
    expect(placesOf(text).durations).toEqual([`${number}m`, number, number]);
  });

  it('returns undefined for text that is not PromQL', () => expect(readQueryPlaces('sum(x{namespace!=""}')).toBeUndefined());
});

const now = 1795231800;
const day = 86_400;
const range = (seconds: number) => planWindows(900, now, { startSeconds: now - seconds, endSeconds: now });

describe('planWindows', () => {
  it('returns one window of the measurement duration without a time range, or with an empty one', () => {
    expect(planWindows(900, now)).toEqual([{ endSeconds: now, lengthMs: 900_000, count: 1 }]);
    expect(planWindows(900, now, { startSeconds: 5, endSeconds: 5 })).toEqual([{ endSeconds: 5, lengthMs: 900_000, count: 1 }]);
  });

  it.each([
    [1, 1, 1000],
    [900, 1, 900_000],
    [day, 1, 86_400_000],
    [2 * day, 2, 86_400_000],
    [day + 1, 2, 43_200_500],
    [1.5 * day, 2, 64_800_000],
  ])('divides %d s into %d windows', (seconds, count, lengthMs) => expect(range(seconds)).toEqual([{ endSeconds: now, count, lengthMs }]));

  it('divides more than two days at UTC midnights', () => {
    const [head, days, tail, ...more] = planWindows(900, now, { startSeconds: now - 15 * day, endSeconds: now });
    const midnight = now - (now % day);
    expect(head).toEqual({ endSeconds: midnight - 14 * day, lengthMs: (day - (now % day)) * 1000, count: 1 });
    expect(days).toEqual({ endSeconds: midnight, lengthMs: day * 1000, count: 14 });
    expect(tail).toEqual({ endSeconds: now, lengthMs: (now % day) * 1000, count: 1 });
    expect(more).toEqual([]);
    expect([head!, days!, tail!].map(areDays)).toEqual([false, true, false]);
  });

  it('returns only days if the range begins and ends at midnight', () => {
    const midnight = now - (now % day);
    const windows = planWindows(900, now, { startSeconds: midnight - 3 * day, endSeconds: midnight });
    expect(windows).toEqual([{ endSeconds: midnight, lengthMs: day * 1000, count: 3 }]);
  });

  it('lengthens the windows of a range of more than 11,000 days', () => {
    const [{ count, lengthMs } = { count: 0, lengthMs: 0 }] = planWindows(900, now, { startSeconds: 0, endSeconds: now });
    expect(count).toBeLessThanOrEqual(11_000);
    expect(count * lengthMs).toBeLessThanOrEqual(now * 1000);
    expect(now * 1000 - count * lengthMs).toBeLessThan(11_000);
  });

  it('covers any range without overlap, and never reaches before its start', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 * day * 1000 }), (rangeMs) => {
        const parts = planWindows(900, now, { startSeconds: now - rangeMs / 1000, endSeconds: now });
        const missedMs = rangeMs - parts.reduce((sum, { count, lengthMs }) => sum + count * lengthMs, 0);
        expect(missedMs).toBeGreaterThanOrEqual(0);
        expect(missedMs).toBeLessThan(parts[0]!.count);
        expect(parts.at(-1)!.endSeconds).toBe(now);
        for (const [index, part] of parts.entries()) {
          const firstStart = startOf(part) - part.lengthMs / 1000;
          expect(part.lengthMs).toBeLessThanOrEqual(day * 1000);
          expect(part.count).toBeLessThanOrEqual(11_000);
          expect(part.count).toBeGreaterThanOrEqual(1);
          expect(firstStart).toBeGreaterThanOrEqual(now - rangeMs / 1000 - 1e-6);
          if (index > 0) expect(firstStart).toBeCloseTo(parts[index - 1]!.endSeconds, 3);
        }
        if (rangeMs % 1000 === 0) expect(missedMs).toBe(0);
      }),
    );
  });
});

describe('lengthAt', () => {
  it('returns the length of the window that ends at an instant', () => {
    const parts = planWindows(900, now, { startSeconds: now - 15 * day, endSeconds: now });
    const midnight = now - (now % day);
    expect(lengthAt(parts, now)).toBe((now % day) * 1000);
    expect(lengthAt(parts, midnight)).toBe(day * 1000);
    expect(lengthAt(parts, midnight - 13 * day)).toBe(day * 1000);
    expect(lengthAt(parts, midnight - 14 * day)).toBe((day - (now % day)) * 1000);
    expect(lengthAt(parts, midnight - 60)).toBeUndefined();
    expect(lengthAt(parts, midnight - 15 * day)).toBeUndefined();
  });
});

describe('planFinerWindows', () => {
  it('covers the coarse window', () => {
    const windows = planFinerWindows(now, day * 1000, 900_000);
    expect([windows.count, startOf(windows)]).toEqual([96, now - day + 900]);
  });
});

describe('durationText', () => {
  it.each([
    [900_000, '900s'],
    [43_200_500, '43200500ms'],
  ])('writes %d ms as %s', (lengthMs, text) => expect(durationText(lengthMs)).toBe(text));
});

const shipped = metadataProfileSchema.parse(
  JSON.parse(readFileSync(join(import.meta.dirname, '../../config/metadata-profiles/cluster-metadata-local-monitoring.json'), 'utf8')),
);

function profileOf(namespace: string, workload = namespace, container = namespace) {
  const variable = (name: string, query: string) => ({ name, value_type: 'string', aggregation_functions: [{ function: 'sum', query }] });
  const query_variables = [variable('a namespace', namespace), variable('workloads', workload), variable('container', container)];
  return metadataProfileSchema.parse({
    apiVersion: 'v1',
    kind: 'K',
    metadata: { name: 'mine' },
    datasource: 'Prometheus',
    query_variables,
  });
}

describe('planDiscoveryQuery', () => {
  it('fills the shipped profile', () => {
    const filter = {
      include: { namespace: ['a', 'b'], workload: ['w.*'], labels: { org_id: 'O', k: 'v' } },
      exclude: { containers: ['istio'] },
    };
    const plan = (kind: 'namespace' | 'workload' | 'container') => planDiscoveryQuery(shipped, kind, { filter, lengthMs: 900_000 });
    const namespaces = 'namespace=~"(?:a)|(?:b)"';
    const labels = ',org_id="O",k="v"';
    expect(plan('namespace')).toBe(
      `sum by (namespace) (avg_over_time(kube_namespace_status_phase{namespace!="",${namespaces}${labels} }[900s]))`,
    );
    expect(plan('workload')).toContain(`relabel{workload!="",workload=~"w.*",${namespaces}${labels} }[900s]`);
    expect(plan('container')).toContain(`kube_pod_container_info{container!="",container!~"istio",${namespaces}${labels} }[900s]`);
    expect(plan('container')).toContain(`relabel{workload!="",workload=~"w.*",${namespaces}${labels} }[900s]`);
  });

  it('narrows to exact namespaces', () => {
    const query = planDiscoveryQuery(shipped, 'container', { filter: {}, lengthMs: 60_000, namespaces: ['a.b', 'c'] });
    expect(query.match(/namespace=~"a\\\\.b\|c"/g)).toHaveLength(2);
  });

  it.each([
    ["x{namespace != ''}[$MEASUREMENT_DURATION_IN_MIN$m]", 'x{namespace!="",namespace=~"a"}[900s]'],
    ['x{exported_namespace!=""}', 'x{exported_namespace!=""}'],
    ['x{%s}', 'x{namespace!="",namespace=~"a"}'],
    ['x{%s, b="c"}', 'x{ b="c",namespace!="",namespace=~"a"}'],
    ['x{b="c", %s}', 'x{b="c",namespace!="",namespace=~"a", }'],
    ['x{b=\'namespace!="" %s\', namespace!=``}', 'x{b=\'namespace!="" %s\', namespace!="",namespace=~"a"}'],
    ['label_replace(x{namespace!=""}, "a", "%s", "", "") # %s', 'label_replace(x{namespace!="",namespace=~"a"}, "a", "%s", "", "") # %s'],
    ['5 %sum(x)', '5 %sum(x)'],
    ['x / $MEASUREMENT_DURATION_IN_MIN$', 'x / 15'],
    ['x{namespace!=""} + y{namespace!=""}', 'x{namespace!="",namespace=~"a"} + y{namespace!="",namespace=~"a"}'],
  ])('turns %s into %s', (text, expected) => {
    const query = planDiscoveryQuery(profileOf(text), 'namespace', { filter: { include: { namespace: ['a'] } }, lengthMs: 900_000 });
    expect(query).toBe(expected);
  });

  it('ignores places within values', () => {
    const evil = '"} or vector(1) # ADDITIONAL_LABEL %s namespace!="" $MEASUREMENT_DURATION_IN_MIN$m $& \\ \n';
    const filter = { include: { namespace: [evil], labels: { k: evil } } };
    const query = planDiscoveryQuery(profileOf('x{namespace!="" ADDITIONAL_LABEL}'), 'namespace', { filter, lengthMs: 1000 });
    const literal = '\\"} or vector(1) # ADDITIONAL_LABEL %s namespace!=\\"\\" $MEASUREMENT_DURATION_IN_MIN$m $& \\\\';
    // The regular expression is trimmed; the label's value is not.
    expect(query).toBe(`x{namespace!="",namespace=~"${literal}",k="${literal} \\n" }`);
  });

  it('puts labels beside the filters if the query has no ADDITIONAL_LABEL', () => {
    const filter = { include: { labels: { k: 'v' } } };
    expect(planDiscoveryQuery(profileOf('x{namespace!=""}'), 'namespace', { filter, lengthMs: 1000 })).toBe('x{namespace!="",k="v"}');
  });

  it.each([
    ['x{ADDITIONAL_LABEL}', 'x{k="v"}'],
    ['x{a="b" ADDITIONAL_LABEL, c="d"}', 'x{a="b" , c="d",k="v"}'],
    ['x{a="b", # beside it,\n ADDITIONAL_LABEL}', 'x{a="b",k="v", # beside it,\n }'],
    ['x{namespace!="", workload!=""}', 'x{namespace!="", workload!="",k="v"}'],
    ['x{namespace!=""} * y{ADDITIONAL_LABEL}', 'x{namespace!=""} * y{k="v"}'],
  ])('puts labels into %s as PromQL: %s', (text, expected) => {
    const filter = { include: { labels: { k: 'v' } } };
    const query = planDiscoveryQuery(profileOf(text), 'namespace', { filter, lengthMs: 1000 });
    expect([query, parsePromql(query)]).toEqual([expected, expect.anything()]);
  });

  it('rejects a query that is not PromQL', () =>
    expect(() => planDiscoveryQuery(profileOf('x{'), 'namespace', { filter: {}, lengthMs: 1000 })).toThrow(
      new MetadataProfileError('mine', ['its namespace query is not PromQL']),
    ));

  it('rejects labels if the query has no place for them', () => {
    const plan = () => planDiscoveryQuery(profileOf('x'), 'namespace', { filter: { include: { labels: { k: 'v' } } }, lengthMs: 1000 });
    expect(plan).toThrow(
      new MetadataProfileError('mine', ['its namespace query takes no labels: it has neither ADDITIONAL_LABEL nor namespace!=""']),
    );
  });
});

describe('planExclusionQueries', () => {
  const profile = profileOf('n', 'w{workload!="" ADDITIONAL_LABEL}', 'c{ADDITIONAL_LABEL} * w{ADDITIONAL_LABEL}');

  it('plans no query without labels to exclude', () => {
    expect(planExclusionQueries(profile, 'workload', { filter: { exclude: { labels: {} } }, lengthMs: 1000 })).toEqual([]);
  });

  it('plans a query for each pair at each place, together with the included labels', () => {
    const scope = { filter: { include: { labels: { i: '1' } }, exclude: { labels: { a: 'x"', b: 'y' } } }, lengthMs: 1000 };
    expect(planExclusionQueries(profile, 'workload', scope)).toEqual(['w{workload!="",i="1",a="x\\"" }', 'w{workload!="",i="1",b="y" }']);
    expect(planExclusionQueries(profile, 'container', scope)).toEqual([
      'c{i="1",a="x\\""} * w{i="1"}',
      'c{i="1"} * w{i="1",a="x\\""}',
      'c{i="1",b="y"} * w{i="1"}',
      'c{i="1"} * w{i="1",b="y"}',
    ]);
  });
});
