import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MetricProfileError, MetricProfiles, readMetricProfile } from './metric-profile.js';

/** Cut to one container, as every query about a container must be. */
const cut = '{n="$NAMESPACE$", c="$CONTAINER_NAME$"}';
const variable = (over: object = {}) => ({
  name: 'cpuUsage',
  aggregation_functions: [{ function: 'avg', query: `avg(x${cut})` }],
  ...over,
});
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
    expect(read.variables.get('cpuUsage')).toEqual({ name: 'cpuUsage', kubernetesObject: 'container', queries: { avg: `avg(x${cut})` } });
  });

  it('lets the last of two entries of one function win, and an empty query count as absent', () => {
    const functions = [
      { function: 'avg', query: `avg(old${cut})` },
      { function: 'avg', query: `avg(new${cut})`, versions: '>4.9' },
      { function: 'max', query: ' ' },
      { function: 'min', query: null },
    ];
    expect(readMetricProfile(profile(variable({ aggregation_functions: functions })), 'x').variables.get('cpuUsage')!.queries).toEqual({
      avg: `avg(new${cut})`,
    });
  });

  it('allows placeholders', () => {
    const query = 'avg_over_time(sum(x{n="$NAMESPACE$", c="$CONTAINER_NAME$"})[$MEASUREMENT_DURATION_IN_MIN$m:])';
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
    ['avg(x{n="$NAMESPACE$})', 22],
    ['rate(x[$MEASUREMENT_DURATION_IN_MIN$m]) )', 40],
  ])('names the position where %s stops being PromQL', (query, position) => {
    expect(faultsOf(profile(variable({ aggregation_functions: [{ function: 'avg', query }] })))).toEqual([
      `own.json: profile own: cpuUsage.avg: not PromQL from position ${position} on`,
    ]);
  });

  it.each([
    ['nonsense_function(x)', 'nonsense_function', 0],
    ['sum(foo_over_time(x[$MEASUREMENT_DURATION_IN_MIN$m]))', 'foo_over_time', 4],
  ])('names the function of %s that Prometheus does not have, and its position', (query, name, position) => {
    expect(faultsOf(profile(variable({ aggregation_functions: [{ function: 'avg', query }] })))).toEqual([
      `own.json: profile own: cpuUsage.avg: unknown function ${name} at position ${position}`,
    ]);
  });

  const faultsOfQuery = (query: string, over: object = {}) =>
    faultsOf(profile(variable({ aggregation_functions: [{ function: 'avg', query }], ...over })));

  it.each([
    [
      'avg(x{n="$NAMESPACE$", c="$CONTANER_NAME$"})',
      ['unknown placeholder $CONTANER_NAME$ at position 26', 'has no $CONTAINER_NAME$ anywhere'],
    ],
    ['avg(x{n="$NAMESPACE$"})', ['has no $CONTAINER_NAME$ anywhere']],
    ['avg(x)', ['has no $NAMESPACE$ anywhere', 'has no $CONTAINER_NAME$ anywhere']],
  ])('names profile, query and position where %s lacks a placeholder', (query, faults) => {
    expect(faultsOfQuery(query)).toEqual(faults.map((fault) => expect.stringContaining(`own.json: profile own: cpuUsage.avg: ${fault}`)));
  });

  it.each([
    ['a query about a namespace', 'avg(x{n="$NAMESPACE$"})', { kubernetes_object: 'namespace' }],
    ['a query about one GPU', 'avg(x{u="$UUID$"})', {}],
  ])('asks no more placeholders of %s than cut it', (_, query, over) => {
    expect(faultsOfQuery(query, over)).toEqual([]);
  });

  it('keeps which layers a variable needs, and takes an empty list for none', () => {
    const needing = (layers_required: unknown, name: string) => variable({ name, layers_required });
    const { variables } = readMetricProfile(profile(needing(['semeru'], 'a'), needing([], 'b'), needing(null, 'c')), 'x');
    expect([...variables.values()].map(({ layersRequired }) => layersRequired)).toEqual([['semeru'], undefined, undefined]);
  });

  it('names a layer that nobody knows', () => {
    expect(faultsOf(profile(variable({ layers_required: ['hotspot', 'python'] })))).toEqual([
      'own.json: variable cpuUsage: layers_required.1: unknown layer "python"; expected one of container, hotspot, semeru, quarkus',
    ]);
  });

  it('names an aggregation function that nothing has a place for', () => {
    const counted = variable({ aggregation_functions: [{ function: 'count', query: `count(x${cut})` }] });

    expect(faultsOf(profile(counted))).toEqual([
      'own.json: profile own: cpuUsage.count: unknown function "count"; expected one of avg, min, max, sum, median, mode, range',
    ]);
  });
});

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function configWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'rightsizer-'));
  folders.push(folder);
  mkdirSync(join(folder, 'metric-profiles'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'metric-profiles', name), text);
  return folder;
}

const profileOfMetricProfiles = (name: string) =>
  JSON.stringify({
    metadata: { name },
    slo: {
      function_variables: [
        { name: 'cpuUsage', aggregation_functions: [{ function: 'avg', query: 'avg(x{n="$NAMESPACE$", c="$CONTAINER_NAME$"})' }] },
      ],
    },
  });

describe('MetricProfiles', () => {
  it("ships the reference's profile with its 25 variables", () => {
    const shipped = new MetricProfiles({}).find('resource-optimization-local-monitoring');
    expect(shipped?.variables.size).toBe(25);
    expect(shipped?.variables.get('namespaceCpuUsage')?.kubernetesObject).toBe('namespace');
  });

  it('finds profiles by the name inside the file, and no others', () => {
    const profiles = new MetricProfiles({ CONFIG_DIR: configWith({ 'a.json': profileOfMetricProfiles('own'), 'notes.txt': '{' }) });
    expect(profiles.find('own')?.name).toBe('own');
    expect(profiles.find('a')).toBeUndefined();
  });

  it('fails with the faults of all files at once', () => {
    const files = {
      'a.json': '{',
      'b.json': '{"metadata":{}}',
      'c.json': profileOfMetricProfiles('own'),
      'd.json': profileOfMetricProfiles('own'),
    };
    expect(() => new MetricProfiles({ CONFIG_DIR: configWith(files) })).toThrow(
      /a\.json: not readable as JSON[\s\S]*b\.json: metadata\.name[\s\S]*b\.json: slo[\s\S]*d\.json: metadata\.name: another file/,
    );
  });

  it('has none where the folder has none', () => {
    expect(new MetricProfiles({ CONFIG_DIR: join(tmpdir(), 'rightsizer-nowhere') }).find('own')).toBeUndefined();
  });
});
