import type { Experiment } from '../experiments/experiment.js';

/** Pods are not known here; the number sizes questions only, and too many costs little. */
const assumedPods = 20;

/** `%datasource%|%clustername%|%namespace%|%workloadname%(%workloadtype%)|%containername%`, the default format of names. */
const fullName =
  /^(?<datasource>[^|]*)\|(?<clusterName>[^|]*)\|(?<namespace>[^|]+)\|(?<workload>[^|]+)\((?<workloadType>[^|()]+)\)\|(?<container>[^|]+)$/;
const fullNamespaceName = /^(?<datasource>[^|]*)\|(?<clusterName>[^|]*)\|(?<namespace>[^|]+)$/;
const shortName = /^(?<namespace>[^|/]+)\/(?<workloadType>[^|/]+)\/(?<workload>[^|/]+)\/(?<container>[^|/]+)$/;
const namespaceName = /^(?<namespace>[^|/]+)$/;

/**
 * The experiment that a text names: `namespace/kind/workload/container`, `namespace`, or a name in the default format, which may name a datasource
 * and a cluster too. Undefined = the text is none of them.
 */
export function readExperimentName(text: string): Experiment | undefined {
  const found = [fullName, fullNamespaceName, shortName, namespaceName].map((pattern) => pattern.exec(text)?.groups).find(Boolean);
  const { namespace, workload, workloadType, container, datasource = '', clusterName = 'default' } = found ?? {};
  if (namespace === undefined) return undefined;
  const base = { name: text, datasource, clusterName, namespace, pods: assumedPods };
  if (workload === undefined || workloadType === undefined || container === undefined) return { type: 'namespace', ...base };
  return { type: 'container', ...base, workload, workloadType, container, image: '' };
}
