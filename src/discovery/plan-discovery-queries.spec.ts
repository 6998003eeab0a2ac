import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parsePromql } from '../promql/parse-promql.js';
import { MetadataProfileError, metadataProfileSchema } from './metadata-profile.js';
import { planDiscoveryQuery, planExclusionQueries } from './plan-discovery-queries.js';

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
    const ask = (kind: 'namespace' | 'workload' | 'container') => planDiscoveryQuery(shipped, kind, { filter, lengthMs: 900_000 });
    const namespaces = 'namespace=~"(?:a)|(?:b)"';
    const labels = ',org_id="O",k="v"';
    expect(ask('namespace')).toBe(
      `sum by (namespace) (avg_over_time(kube_namespace_status_phase{namespace!="",${namespaces}${labels} }[900s]))`,
    );
    expect(ask('workload')).toContain(`relabel{workload!="",workload=~"w.*",${namespaces}${labels} }[900s]`);
    expect(ask('container')).toContain(`kube_pod_container_info{container!="",container!~"istio",${namespaces}${labels} }[900s]`);
    expect(ask('container')).toContain(`relabel{workload!="",workload=~"w.*",${namespaces}${labels} }[900s]`);
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
  ])('makes of %s %s', (text, expected) => {
    const query = planDiscoveryQuery(profileOf(text), 'namespace', { filter: { include: { namespace: ['a'] } }, lengthMs: 900_000 });
    expect(query).toBe(expected);
  });

  it('takes nothing in a value for a place', () => {
    const evil = '"} or vector(1) # ADDITIONAL_LABEL %s namespace!="" $MEASUREMENT_DURATION_IN_MIN$m $& \\ \n';
    const filter = { include: { namespace: [evil], labels: { k: evil } } };
    const query = planDiscoveryQuery(profileOf('x{namespace!="" ADDITIONAL_LABEL}'), 'namespace', { filter, lengthMs: 1000 });
    const literal = '\\"} or vector(1) # ADDITIONAL_LABEL %s namespace!=\\"\\" $MEASUREMENT_DURATION_IN_MIN$m $& \\\\';
    // The regular expression is trimmed, the label's value is taken as it is.
    expect(query).toBe(`x{namespace!="",namespace=~"${literal}",k="${literal} \\n" }`);
  });

  it('puts labels beside the filters where the query has no ADDITIONAL_LABEL', () => {
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

  it('refuses a query that is not PromQL', () =>
    expect(() => planDiscoveryQuery(profileOf('x{'), 'namespace', { filter: {}, lengthMs: 1000 })).toThrow(
      new MetadataProfileError('mine', ['its namespace query is not PromQL']),
    ));

  it('refuses labels that the query has no place for', () => {
    const ask = () => planDiscoveryQuery(profileOf('x'), 'namespace', { filter: { include: { labels: { k: 'v' } } }, lengthMs: 1000 });
    expect(ask).toThrow(
      new MetadataProfileError('mine', ['its namespace query takes no labels: it has neither ADDITIONAL_LABEL nor namespace!=""']),
    );
  });
});

describe('planExclusionQueries', () => {
  const profile = profileOf('n', 'w{workload!="" ADDITIONAL_LABEL}', 'c{ADDITIONAL_LABEL} * w{ADDITIONAL_LABEL}');

  it('asks nothing without labels to exclude', () => {
    expect(planExclusionQueries(profile, 'workload', { filter: { exclude: { labels: {} } }, lengthMs: 1000 })).toEqual([]);
  });

  it('asks for each pair at each place, within the included labels', () => {
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
