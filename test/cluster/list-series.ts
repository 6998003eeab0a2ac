import type { MetricFamily, Values } from './metric-families.js';
import type { PlannedWorkload } from './plan-cluster.js';
import { seedOf } from './random.js';

/** A series of the cluster, with samples at the scrapes from `startSeconds` (inclusive) to `endSeconds` (exclusive). */
export interface Series {
  /** `metric{label="value",…}` */
  readonly text: string;
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly values: Values;
  /** The same for all metrics of one container of one pod, so that its CPU counter agrees with its CPU gauge. */
  readonly seed: number;
}

type Labels = Readonly<Record<string, string>>;
type Life = Pick<Series, 'startSeconds' | 'endSeconds'>;

/** All series of a metric in the cluster. */
export function* listSeries(family: MetricFamily, workloads: readonly PlannedWorkload[], seed: number): Generator<Series> {
  for (const [place, life, found] of placesOf(family, workloads)) {
    const placeSeed = seedOf(seed, Object.values(place).join('/'));
    for (const [labels, values] of found)
      yield { text: seriesText(family.metric, { ...place, ...labels }), ...life, values, seed: placeSeed };
  }
}

type Found = readonly (readonly [Labels, Values])[];

function* placesOf(family: MetricFamily, workloads: readonly PlannedWorkload[]): Generator<[Labels, Life, Found]> {
  if (family.of === 'namespace') {
    for (const namespace of new Set(workloads.map((workload) => workload.namespace))) {
      const members = workloads.filter((workload) => workload.namespace === namespace);
      yield [{ namespace }, { startSeconds: 0, endSeconds: Number.POSITIVE_INFINITY }, family.series({ workloads: members })];
    }
    return;
  }
  for (const workload of workloads) {
    for (const pod of workload.pods) {
      const place = { namespace: workload.namespace, pod: pod.name };
      if (family.of === 'pod') yield [place, pod, family.series({ workload, pod })];
      else
        for (const container of workload.containers)
          yield [{ ...place, container: container.name }, pod, family.series({ workload, pod, container })];
    }
  }
}

function seriesText(metric: string, labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${metric}{${pairs.join(',')}}`;
}
