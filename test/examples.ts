import type { Capabilities } from '../src/datasource/capabilities.js';
import type { Datasource } from '../src/datasource/datasource.js';
import type { ContainerExperiment } from '../src/experiments/experiment.js';

/** An experiment for tests: the container app of the deployment web in the namespace shop. */
export function exampleContainer(changes: Partial<ContainerExperiment> = {}): ContainerExperiment {
  const place = { clusterName: 'c', namespace: 'shop', workload: 'web', workloadType: 'deployment', container: 'app' };
  return { type: 'container', name: 'n', datasource: 'd', ...place, image: 'i', pods: 1, ...changes };
}

/** A datasource for tests. Nothing listens at its URL. */
export function exampleDatasource(changes: Partial<Datasource> = {}): Datasource {
  const entry = { name: 'd', provider: 'prometheus', url: 'http://d', insecureSkipVerify: false } as const;
  return { ...entry, authentication: { type: 'none' }, ...changes };
}

/** The capabilities of a Prometheus 2 with all recording rules, read from chunks. */
export function exampleCapabilities(changes: Partial<Capabilities> = {}): Capabilities {
  return { used: 'chunks', reason: '', boundary: 'closed', evaluationMs: 60_000, rules: { cpu: true, owners: true }, ...changes };
}
