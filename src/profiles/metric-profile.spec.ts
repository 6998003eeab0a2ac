import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from './config-folder.js';
import { MetricProfiles, readMetricProfile } from './metric-profile.js';

/** Selects one container, as every query of a container must. */
const selector = '{n="$NAMESPACE$", c="$CONTAINER_NAME$"}';
const variable = (over: object = {}) => ({
  name: 'cpuUsage',
  aggregation_functions: [{ function: 'avg', query: `avg(x${selector})` }],
  ...over,
});
const profile = (...variables: object[]) => ({ metadata: { name: 'own' }, slo: { function_variables: variables } });

function faultsOf(document: unknown): readonly string[] {
  try {
    readMetricProfile(document, 'own.json');
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).faults;
  }
}

describe('readMetricProfile', () => {
  it('defaults the object of a variable to container and ignores other members', () => {
    const read = readMetricProfile({ ...profile(variable({ datasource: 1 })), kind: 'x' }, 'own.json');
    expect(read.name).toBe('own');
    expect(read.variables.get('cpuUsage')).toEqual({
      name: 'cpuUsage',
      kubernetesObject: 'container',
      queries: { avg: `avg(x${selector})` },
    });
  });

  it('takes the last of two entries for a function and treats an empty query as absent', () => {
    const functions = [
      { function: 'avg', query: `avg(old${selector})` },
      { function: 'avg', query: `avg(new${selector})`, versions: '>4.9' },
      { function: 'max', query: ' ' },
      { function: 'min', query: null },
    ];
    expect(readMetricProfile(profile(variable({ aggregation_functions: functions })), 'x').variables.get('cpuUsage')!.queries).toEqual({
      avg: `avg(new${selector})`,
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
      'a query that is not a string',
      profile(variable({ aggregation_functions: [{ function: 'avg', query: 1 }] })),
      /cpuUsage: aggregation_functions\.0\.query: /,
    ],
    ['a variable without a name', profile(variable(), variable({ name: '' })), /^own\.json: variable number 2: name: /],
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
  ])('names the unknown function of %s and its position', (query, name, position) => {
    expect(faultsOf(profile(variable({ aggregation_functions: [{ function: 'avg', query }] })))).toEqual([
      `own.json: profile own: cpuUsage.avg: unknown function ${name} at position ${position}`,
    ]);
  });

  const faultsOfQuery = (query: string, over: object = {}) =>
    faultsOf(profile(variable({ aggregation_functions: [{ function: 'avg', query }], ...over })));

  it.each([
    [
      'avg(x{n="$NAMESPACE$", c="$CONTANER_NAME$"})',
      ['unknown placeholder $CONTANER_NAME$ at position 26', 'has no $CONTAINER_NAME$ between'],
    ],
    ['avg(x{n="$NAMESPACE$"})', ['has no $CONTAINER_NAME$ between']],
    ['avg(x)', ['has no $NAMESPACE$ between', 'has no $CONTAINER_NAME$ between']],
  ])('names profile, query and position if %s lacks a placeholder', (query, faults) => {
    expect(faultsOfQuery(query)).toEqual(faults.map((fault) => expect.stringContaining(`own.json: profile own: cpuUsage.avg: ${fault}`)));
  });

  it.each([
    ['a query of a namespace', 'avg(x{n="$NAMESPACE$"})', { kubernetes_object: 'namespace' }],
    ['a query of one GPU', 'avg(x{u="$UUID$"})', {}],
  ])('requires only the placeholders that select %s', (_, query, over) => {
    expect(faultsOfQuery(query, over)).toEqual([]);
  });

  it('keeps the layers that a variable requires and treats an empty list as none', () => {
    const needing = (layers_required: unknown, name: string) => variable({ name, layers_required });
    const { variables } = readMetricProfile(profile(needing(['semeru'], 'a'), needing([], 'b'), needing(null, 'c')), 'x');
    expect([...variables.values()].map(({ layersRequired }) => layersRequired)).toEqual([['semeru'], undefined, undefined]);
  });

  it('names an unknown layer', () => {
    expect(faultsOf(profile(variable({ layers_required: ['hotspot', 'python'] })))).toEqual([
      'own.json: variable cpuUsage: layers_required.1: unknown layer "python"; expected one of container, hotspot, semeru, quarkus',
    ]);
  });

  it('names an unknown aggregation function', () => {
    const counted = variable({ aggregation_functions: [{ function: 'count', query: `count(x${selector})` }] });

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

const profileText = (name: string) =>
  JSON.stringify({
    metadata: { name },
    slo: {
      function_variables: [
        { name: 'cpuUsage', aggregation_functions: [{ function: 'avg', query: 'avg(x{n="$NAMESPACE$", c="$CONTAINER_NAME$"})' }] },
      ],
    },
  });

describe('MetricProfiles', () => {
  it("ships Kruize's profile with its 25 variables", () => {
    const shipped = new MetricProfiles({}).find('resource-optimization-local-monitoring');
    expect(shipped?.variables.size).toBe(25);
    expect(shipped?.variables.get('namespaceCpuUsage')?.kubernetesObject).toBe('namespace');
  });

  it('finds profiles only by the name inside the file', () => {
    const profiles = new MetricProfiles({ CONFIG_DIR: configWith({ 'a.json': profileText('own'), 'notes.txt': '{' }) });
    expect(profiles.find('own')?.name).toBe('own');
    expect(profiles.find('a')).toBeUndefined();
  });

  it('reports the faults of all files at once', () => {
    const files = {
      'a.json': '{',
      'b.json': '{"metadata":{}}',
      'c.json': profileText('own'),
      'd.json': profileText('own'),
    };
    expect(() => new MetricProfiles({ CONFIG_DIR: configWith(files) })).toThrow(
      /a\.json: not readable as JSON[\s\S]*b\.json: metadata\.name[\s\S]*b\.json: slo[\s\S]*d\.json: metadata\.name: another file/,
    );
  });

  it('has no profiles if the folder is missing', () => {
    expect(new MetricProfiles({ CONFIG_DIR: join(tmpdir(), 'rightsizer-nowhere') }).find('own')).toBeUndefined();
  });
});
