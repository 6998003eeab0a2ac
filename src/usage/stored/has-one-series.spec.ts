import { type MetricProfile, MetricProfiles } from '../../profiles/metric-profile.js';
import { readSettings } from '../../settings/read-settings.js';

import { hasOneSeries } from './has-one-series.js';

const shipped = new MetricProfiles(readSettings({}));
const matchers = 'namespace="$NAMESPACE$", container="$CONTAINER_NAME$"';
const profileOf = (variable: string, query: string): MetricProfile => ({
  name: 'p',
  variables: new Map([[variable, { name: variable, kubernetesObject: 'container', queries: { avg: query, sum: query } }]]),
});

describe('hasOneSeries', () => {
  it.each(['resource-optimization-local-monitoring', 'resource-optimization-local-monitoring-norecordingrules'])('holds for %s', (name) => {
    expect(hasOneSeries(shipped.find(name)!, 900)).toBe(true);
    expect(hasOneSeries(shipped.find(name)!, 120)).toBe(true);
  });

  it.each([
    ['one number for all pods', 'cpuUsage', `avg(rate(x{${matchers}}[5m]))`, true],
    ['pods added up before', 'cpuUsage', `max_over_time(sum by (namespace) (x{${matchers}})[15m:1m])`, true],
    ['series by the label of the JVM', 'jvmInfo', `sum by (version) (jvm_info{${matchers}})`, true],
    ['a number for each pod', 'cpuUsage', `avg by (pod) (rate(x{${matchers}}[5m]))`, false],
    ['a number for each series', 'cpuUsage', `rate(x{${matchers}}[5m])`, false],
    ['the largest of all, whichever it is', 'cpuUsage', `topk(1, x{${matchers}})`, false],
    ['a query of unknown shape', 'cpuUsage', `avg(x{${matchers}} / y)`, false],
  ])('of %s', (_, variable, query, expected) => {
    expect(hasOneSeries(profileOf(variable, query), 900)).toBe(expected);
  });
});
