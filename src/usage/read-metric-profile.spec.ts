import { MetricProfileError, readMetricProfile } from './read-metric-profile.js';

const variable = (over: object = {}) => ({ name: 'cpuUsage', aggregation_functions: [{ function: 'avg', query: 'avg(x)' }], ...over });
const profile = (...variables: object[]) => ({ metadata: { name: 'own' }, slo: { function_variables: variables } });

function faultsOf(document: unknown): readonly string[] {
  try {
    readMetricProfile(document, 'own.json');
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(MetricProfileError);
    return (error as MetricProfileError).faults;
  }
}

describe('readMetricProfile', () => {
  it('takes a container for the object of a variable that names none, and ignores other members', () => {
    const read = readMetricProfile({ ...profile(variable({ datasource: 1 })), kind: 'x' }, 'own.json');
    expect(read.name).toBe('own');
    expect(read.variables.get('cpuUsage')).toEqual({ name: 'cpuUsage', kubernetesObject: 'container', queries: { avg: 'avg(x)' } });
  });

  it('lets the last of two entries of one function win, and an empty query count as absent', () => {
    const functions = [
      { function: 'avg', query: 'avg(old)' },
      { function: 'avg', query: 'avg(new)', versions: '>4.9' },
      { function: 'max', query: ' ' },
      { function: 'min', query: null },
    ];
    expect(readMetricProfile(profile(variable({ aggregation_functions: functions })), 'x').variables.get('cpuUsage')!.queries).toEqual({
      avg: 'avg(new)',
    });
  });

  it('allows placeholders', () => {
    const query = 'avg_over_time(sum(x{n="$NAMESPACE$"})[$MEASUREMENT_DURATION_IN_MIN$m:])';
    expect(faultsOf(profile(variable({ aggregation_functions: [{ function: 'avg', query }] })))).toEqual([]);
  });

  it.each([
    ['not an object', null, /^own\.json: : /],
    ['no name', { ...profile(variable()), metadata: {} }, /^own\.json: metadata\.name: /],
    ['no variables', profile(), /^own\.json: slo\.function_variables: /],
    [
      'a variable without functions',
      profile(variable({ aggregation_functions: [] })),
      /^own\.json: variable cpuUsage: aggregation_functions: /,
    ],
    [
      'a query that is no text',
      profile(variable({ aggregation_functions: [{ function: 'avg', query: 1 }] })),
      /cpuUsage: aggregation_functions\.0\.query: /,
    ],
    ['a variable without name', profile(variable(), variable({ name: '' })), /^own\.json: variable number 2: name: /],
  ])('names source, variable and field of %s', (_, document, fault) => expect(faultsOf(document)).toEqual([expect.stringMatching(fault)]));

  it.each([
    ['avg(x', 5],
    ['nonsense_function(x)', 17],
    ['avg(x{n="$NAMESPACE$})', 22],
    ['rate(x[$MEASUREMENT_DURATION_IN_MIN$m]) )', 40],
  ])('names the position where %s stops being PromQL', (query, position) => {
    expect(faultsOf(profile(variable({ aggregation_functions: [{ function: 'avg', query }] })))).toEqual([
      `own.json: variable cpuUsage: aggregation_functions.0.query (avg): not PromQL from position ${position} on`,
    ]);
  });
});
