import { containersOf } from './generate-cluster.js';
import { type ClusterOptions, planCluster } from './plan-cluster.js';
import { workloadTemplates } from './workload-templates.js';

const options: ClusterOptions = { containers: 60, days: 15, scrapeSeconds: 120, endSeconds: 1_795_231_800, seed: 7 };

describe('planCluster', () => {
  it.each([1, 2, 7, 60, 500])('plans exactly %i different containers', (containers) => {
    const made = containersOf(planCluster({ ...options, containers }));
    const names = made.map(({ namespace, workload, workloadType, container }) => [namespace, workload, workloadType, container].join('/'));
    expect(new Set(names).size).toBe(containers);
    expect(names).toHaveLength(containers);
  });

  it('has every workload type and history after one pass over the templates', () => {
    const kinds = new Set(planCluster(options).map(({ type }) => type));
    expect([...kinds].sort()).toEqual(['daemonset', 'deployment', 'job', 'statefulset']);
    expect(new Set(workloadTemplates.map(({ history }) => history)).size).toBe(5);
  });

  it('gives pods of a namespace unique names', () => {
    const names = planCluster({ ...options, containers: 500 }).flatMap(({ namespace, pods }) =>
      pods.map(({ name }) => `${namespace}/${name}`),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it('replaces the pods of a rolled workload with pods of another image, without a gap', () => {
    const { pods } = planCluster(options).find(({ name }) => name === 'storefront')!;
    expect([...new Set(pods.map(({ version }) => version))]).toEqual(['1.0', '1.1', '1.2']);
    const ends = new Set(pods.map(({ endSeconds }) => endSeconds));
    for (const { startSeconds } of pods.filter(({ version }) => version !== '1.0')) expect(ends).toContain(startSeconds);
  });

  it('has a running pod of every workload at the end', () => {
    for (const { pods } of planCluster({ ...options, containers: 200 })) {
      expect(pods.some(({ startSeconds, endSeconds }) => startSeconds < options.endSeconds && endSeconds > options.endSeconds)).toBe(true);
    }
  });

  it('runs the requested number of concurrent pods', () => {
    const made = containersOf(planCluster({ ...options, podsPerContainer: 1 }));
    expect(new Set(made.map(({ pods }) => pods))).toEqual(new Set([1]));
  });

  it('depends on the seed', () => {
    expect(planCluster(options)).toEqual(planCluster(options));
    expect(planCluster({ ...options, seed: 8 })).not.toEqual(planCluster(options));
  });
});
