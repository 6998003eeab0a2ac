import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MetadataProfiles } from './metadata-profile.js';

const variable = (name: string) => ({ name, value_type: 'string', aggregation_functions: [{ function: 'sum', query: 'up', extra: 1 }] });
const good = {
  apiVersion: 'recommender.com/v1',
  kind: 'KruizeMetadataProfile',
  metadata: { name: 'mine', labels: {} },
  datasource: 'prometheus',
  query_variables: ['namespaceList', 'workloadList', 'containerList'].map(variable),
};

describe('MetadataProfiles', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rightsizer-'));
    mkdirSync(join(folder, 'metadata-profiles'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (name: string, profile: unknown) =>
    writeFileSync(join(folder, 'metadata-profiles', name), typeof profile === 'string' ? profile : JSON.stringify(profile));
  const load = () => new MetadataProfiles({ CONFIG_DIR: folder });

  it('finds the shipped profile', () => {
    const profiles = new MetadataProfiles({ CONFIG_DIR: undefined });
    expect(profiles.find('cluster-metadata-local-monitoring')?.query_variables).toHaveLength(3);
    expect(profiles.find('nothing')).toBeUndefined();
  });

  it('reads the folder in CONFIG_DIR, fills in defaults and drops unknown members', () => {
    write('mine.json', good);
    write('notes.txt', 'no profile');
    expect(load().all()).toEqual([
      {
        ...good,
        metadata: { name: 'mine' },
        profile_version: 1,
        query_variables: good.query_variables.map(({ name }) => ({
          name,
          value_type: 'string',
          kubernetes_object: 'container',
          aggregation_functions: [{ function: 'sum', query: 'up' }],
        })),
      },
    ]);
  });

  it.each<[string, unknown, string]>([
    ['invalid JSON', '{', 'not readable as JSON'],
    ['no name', { ...good, metadata: {} }, 'metadata.name: '],
    ['an unknown platform', { ...good, k8s_type: 'eks' }, 'k8s_type: expected minikube, openshift or icp'],
    ['another datasource', { ...good, datasource: 'influx' }, 'datasource: expected prometheus'],
    [
      'an invalid variable',
      { ...good, query_variables: [{ ...variable('namespace'), value_type: 'float' }] },
      'query_variables.0.value_type: ',
    ],
    ['no query for containers', { ...good, query_variables: ['namespace', 'workload'].map(variable) }, 'none has "container" in its name'],
    [
      'a query without sum',
      { ...good, query_variables: [{ ...variable('namespace'), aggregation_functions: [{ function: 'avg', query: 'up' }] }] },
      'query_variables.0.aggregation_functions (namespace): has no function "sum"',
    ],
    [
      'a query that is not PromQL',
      {
        ...good,
        query_variables: [
          {
            ...variable('namespace'),
            aggregation_functions: [{ function: 'sum', query: 'sum(up{n!="" ADDITIONAL_LABEL}[$MEASUREMENT_DURATION_IN_MIN$m)' }],
          },
          ...['workload', 'container'].map(variable),
        ],
      },
      'profile mine: namespace.sum: not PromQL from position 61 on',
    ],
    [
      'an unknown placeholder',
      {
        ...good,
        query_variables: [
          { ...variable('namespace'), aggregation_functions: [{ function: 'sum', query: 'up[$DURATION$m]' }] },
          ...good.query_variables,
        ],
      },
      'profile mine: namespace.sum: not PromQL from position 3 on',
    ],
  ])('prevents the start with %s and names file and field', (_, profile, fault) => {
    write('bad.json', profile);
    expect(load).toThrow(join(folder, 'metadata-profiles', 'bad.json'));
    expect(load).toThrow(fault);
  });

  it('prevents the start with two profiles of the same name', () => {
    write('a.json', good);
    write('b.json', good);
    expect(load).toThrow(/b\.json: metadata\.name: another file has the name "mine" too/);
  });
});
