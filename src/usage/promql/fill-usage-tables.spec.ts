import type { PrometheusSeries } from '../../datasource/prometheus-client.js';
import type { Experiment } from '../../experiments/experiment.js';
import { TableDraft } from '../table-draft.js';
import type { UsageQuestion } from '../usage-questions.js';
import { fillUsageTables } from './fill-usage-tables.js';
import type { PlannedQuery } from './plan-usage-queries.js';

const grid = { endSeconds: 1800, stepSeconds: 900, rows: 3 };
const experiment = (workload: string): Experiment => ({
  type: 'container',
  name: workload,
  datasource: 'd',
  clusterName: 'c',
  pods: 1,
  namespace: 'shop',
  workload,
  workloadType: 'deployment',
  container: 'app',
  image: 'i',
});
const experiments = ['web', 'api'].map((name, index) => ({ experiment: experiment(name), index }));
const usage: UsageQuestion = { variable: 'cpuUsage', function: 'max', column: 'cpuUsage.max' };
const keys = {
  workload: [
    { label: 'namespace', member: 'namespace' },
    { label: 'container', member: 'container' },
    { label: 'workload', member: 'workload' },
    { label: 'workload_type', member: 'workloadType' },
  ],
  container: [
    { label: 'namespace', member: 'namespace' },
    { label: 'container', member: 'container' },
  ],
} as const;

const planned = (question = usage, scope: keyof typeof keys = 'workload'): PlannedQuery => ({
  question,
  query: 'x',
  experiments,
  keyLabels: keys[scope],
  samplesPerInstant: 1,
});
const series = (workload: string, samples: [number, string][], labels = {}): PrometheusSeries => ({
  labels: { namespace: 'shop', container: 'app', workload, workload_type: 'deployment', ...labels },
  samples,
});

function fill(...answers: [PlannedQuery, PrometheusSeries[]][]) {
  const drafts = experiments.map(() => new TableDraft(grid));
  for (const [query, answer] of answers) fillUsageTables(drafts, query, answer);
  return drafts.map((draft) => draft.finish());
}

describe('fillUsageTables', () => {
  it('puts each series into the table of its experiment', () => {
    const [web, api] = fill([planned(), [series('web', [[0, '1'], [1800, '3']]), series('api', [[900, '0.5']])]]); // biome-ignore format: one answer, one line
    expect(web!.columns['cpuUsage.max']).toEqual(Float64Array.of(1, Number.NaN, 3));
    expect(web!.present).toEqual(Uint8Array.of(1, 0, 1));
    expect(api!.columns['cpuUsage.max']).toEqual(Float64Array.of(Number.NaN, 0.5, Number.NaN));
    expect(api!.present).toEqual(Uint8Array.of(0, 1, 0));
  });

  it('gives same-named containers of a namespace the same numbers in scope container', () => {
    const [web, api] = fill([planned(usage, 'container'), [series('', [[0, '1']])]]);
    expect(web).toEqual(api);
    expect(web!.columns['cpuUsage.max']![0]).toBe(1);
  });

  it('leaves a column out that has no sample, and series of others', () => {
    const [web] = fill([planned(), [series('other', [[0, '1']]), series('web', [[0, '1']], { workload_type: 'statefulset' })]]);
    expect(web!.columns).toEqual({});
    expect(web!.present).toEqual(new Uint8Array(3));
  });

  it.each(['NaN', '+Inf', '-Inf'])('counts %s as missing: it makes no interval', (text) => {
    const [web] = fill([planned(), [series('web', [[0, text]])]]);
    expect(web!.columns).toEqual({});
    expect(web!.present).toEqual(new Uint8Array(3));
  });

  it('reads the first of several series', () => {
    const [web] = fill([planned(), [series('web', [[0, '1']]), series('web', [[0, '2'], [900, '2']], { extra: 'x' })]]); // biome-ignore format: one answer, one line
    expect(web!.columns['cpuUsage.max']).toEqual(Float64Array.of(1, Number.NaN, Number.NaN));
  });

  it('ignores samples off the grid', () => {
    const [web] = fill([planned(), [series('web', [[-900, '1'], [450, '1'], [2700, '1']])]]); // biome-ignore format: one answer, one line
    expect(web!.present).toEqual(new Uint8Array(3));
  });

  it('makes intervals of the instants of all metrics together', () => {
    const request: UsageQuestion = { variable: 'cpuRequest', function: 'avg', column: 'cpuRequest.avg' };
    const [web] = fill([planned(), [series('web', [[0, '1']])]], [planned(request), [series('web', [[900, '2']])]]);
    expect(web!.present).toEqual(Uint8Array.of(1, 1, 0));
  });

  it('takes instants and labels of JVM series, no numbers; jvm_info goes before jvm_info_total', () => {
    const info: UsageQuestion = { variable: 'jvmInfo', function: 'sum' };
    const total: UsageQuestion = { variable: 'jvmInfoTotal', function: 'sum' };
    const labels = (version: string) => ({ runtime: 'R', vendor: 'V', version });
    const ofInfo: [PlannedQuery, PrometheusSeries[]] = [planned(info), [series('web', [[0, '1']], labels('17'))]];
    const ofTotal: [PlannedQuery, PrometheusSeries[]] = [planned(total), [series('web', [[900, '1']], labels('21'))]];
    for (const answers of [
      [ofInfo, ofTotal],
      [ofTotal, ofInfo],
    ]) {
      // biome-ignore format: both orders
      const [web, api] = fill(...answers);
      expect(web).toMatchObject({ columns: {}, present: Uint8Array.of(1, 1, 0), jvm: labels('17') });
      expect(api!.jvm).toBeUndefined();
    }
  });
});
