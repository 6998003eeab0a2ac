import { MetricProfiles, readMetricProfile } from '../profiles/metric-profile.js';
import { explainProfile, explainProfileNamed } from './explain-profile.js';

const profile = new MetricProfiles({}).find('resource-optimization-local-monitoring')!;
const cut = '{namespace="$NAMESPACE$", container="$CONTAINER_NAME$"}';
const profileOf = (query: string) =>
  readMetricProfile(
    {
      metadata: { name: 'p' },
      slo: { function_variables: [{ name: 'cpuUsage', aggregation_functions: [{ function: 'avg', query }] }] },
    },
    'p.json',
  );
const cpuOf = (query: string, scope: 'workload' | 'container') =>
  explainProfile(profileOf(query), scope).find(({ name }) => name === 'cpuUsage.avg');

describe('explainProfile', () => {
  it('reads the shipped profile from chunks, except accelerators and activity', () => {
    const left = explainProfile(profile, 'workload').filter(({ reader }) => reader !== 'chunks');
    expect(left.map(({ name, reader }) => `${name} ${reader}`)).toEqual([
      'maxDate.max promql',
      'acceleratorMemoryUsage.max promql',
      'acceleratorCoreUsage.max promql',
    ]);
  });

  it('batches all queries of the shipped profile by PromQL, and shows which have a probe', () => {
    const explained = explainProfile(profile, 'workload');
    expect(explained.map(({ asked }) => asked)).toEqual(explained.map(() => 'batched'));
    expect(explained.filter(({ isProbed }) => isProbed).map(({ name }) => name)).toEqual([
      'jvmInfo.sum',
      'jvmInfoTotal.sum',
      'acceleratorMemoryUsage.max',
    ]);
  });

  it.each([
    ['workload', `avg_over_time(sum(x${cut})[15m:])`, 'promql', 'batched', 'joins pods to workloads inside a subquery'],
    ['container', `avg_over_time(sum(x${cut})[15m:])`, 'chunks', 'batched', undefined],
    ['workload', 'avg(x{ns="$NAMESPACE$", container="$CONTAINER_NAME$"})', 'promql', 'each', 'has no label to join pods to workloads by'],
    [
      'container',
      `sum without (pod) (x${cut})`,
      'promql',
      'each',
      'aggregates without labels; its result would not distinguish experiments',
    ],
  ] as const)('explains for scope %s how %s is run', (scope, query, reader, asked, reason) => {
    const explained = { type: 'container', name: 'cpuUsage.avg', reader, asked, isProbed: false };
    expect(cpuOf(query, scope)).toEqual({ ...explained, ...(reason && { reason }) });
  });

  it('shows which queries a profile does not have', () => {
    const explained = explainProfile(profileOf(`sum(x${cut})`), 'workload');
    expect(explained.find(({ name }) => name === 'memoryUsage.max')).toEqual({
      ...{ type: 'container', name: 'memoryUsage.max', reader: 'none' },
      reason: 'the profile has no such query',
    });
  });
});

const defaultProfile = 'resource-optimization-local-monitoring';
const quarters = { stepSeconds: 900 };

it('prints a table with a line per query of the engine', () => {
  const [title, , head, ...lines] = explainProfileNamed(defaultProfile, quarters, { USAGE_SCOPE: 'workload' }).trimEnd().split('\n');

  expect(title).toBe(`${defaultProfile}, intervals of 15 min, USAGE_SCOPE workload`);
  expect(lines).toHaveLength(39);
  const columns = ['QUERY', 'WITH', 'BY', 'WHY'].map((name) => head!.indexOf(name));
  const cells = (query: string) => {
    const line = lines.find((each) => each.includes(` ${query} `))!;
    return columns.map((from, index) => line.slice(from, columns[index + 1]).trim());
  };
  expect(cells('cpuUsage.avg')).toEqual(['cpuUsage.avg', 'chunks', 'batched', '']);
  expect(cells('jvmInfo.sum')).toEqual(['jvmInfo.sum', 'chunks', 'batched, if a probe returns data', '']);
  expect(cells('maxDate.max')).toEqual(['maxDate.max', 'PromQL', 'batched', 'sent only for idle containers']);
});

it('prints one line of JSON for the given scope', () => {
  const text = explainProfileNamed(defaultProfile, { stepSeconds: 3600, scope: 'container', json: true }, { USAGE_SCOPE: 'workload' });

  expect(text.trimEnd()).not.toContain('\n');
  expect(JSON.parse(text)).toMatchObject({
    ...{ profile: defaultProfile, scope: 'container', stepSeconds: 3600 },
    queries: expect.arrayContaining([{ type: 'container', name: 'cpuUsage.avg', reader: 'chunks', asked: 'batched', isProbed: false }]),
  });
});

it('lists the known profiles if the name is unknown', () => {
  expect(() => explainProfileNamed('mine', quarters, {})).toThrow(
    `there is no metric profile "mine"; there are: ${defaultProfile}-norecordingrules, ${defaultProfile}`,
  );
});
