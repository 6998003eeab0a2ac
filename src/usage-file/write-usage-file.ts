import type { Subject } from '../recommendation/recommendations.js';
import type { Evidence } from '../recommendation/settings.js';
import { isSample, type UsageTable } from '../recommendation/usage-table.js';

type Point = readonly [number, string];

/** A series, by kind of experiment, that makes intervals without giving values. `jvmInfoTotal` names no JVM beside `jvmInfo`. */
const instantSeries = { container: 'jvmInfoTotal.sum', namespace: 'namespaceRunningPods.avg' } as const;

/** Writes a table as a usage file. `readUsageFile` turns it back into an equal table. */
export function writeUsageFile(usage: UsageTable, subject: Subject): object {
  const { acceleratorModel } = usage;
  const series: Record<string, object> = {};
  const covered = new Uint8Array(usage.length);
  for (const [name, column] of Object.entries(usage.columns)) {
    const isAccelerator = name.startsWith('accelerator');
    const points = pointsOf(usage, (row) => (isSample(column[row]) ? String(column[row]) : undefined));
    if (points.length > 0) series[name] = isAccelerator ? { metric: { modelName: acceleratorModel }, points } : points;
    if (!isAccelerator) for (const [steps] of points) covered[usage.length - 1 - steps] = 1;
  }
  // The table has only the JVM's last row. Every earlier interval gets a sample too, which changes no result.
  const seenUntil = usage.jvm ? (usage.jvmLastRow ?? usage.present.lastIndexOf(1)) : -1;
  const seen = pointsOf(usage, (row) => (usage.present[row] && row <= seenUntil ? '1' : undefined));
  if (usage.jvm && seen.length > 0) series['jvmInfo.sum'] = { metric: usage.jvm, points: seen };
  const bare = pointsOf(usage, (row) => (usage.present[row] && row > seenUntil && !covered[row] ? '1' : undefined));
  if (bare.length > 0) series[instantSeries[subject.type]] = bare;
  return { ...subjectFields(subject), step_min: usage.stepSeconds / 60, now: usage.endSeconds, series };
}

function subjectFields(subject: Subject): object {
  const { name, clusterName, namespace } = subject;
  const base = { experiment_name: name, cluster_name: clusterName, experiment_type: subject.type, namespace };
  if (subject.type === 'namespace') return base;
  const { workload, workloadType, container, image } = subject;
  return { ...base, workload, workload_type: workloadType, container, ...(image === undefined ? {} : { image }) };
}

/** Points `[steps before the end, "value"]`, oldest first. */
function pointsOf({ length }: UsageTable, textAt: (row: number) => string | undefined): Point[] {
  const points: Point[] = [];
  for (let row = 0; row < length; row++) {
    const text = textAt(row);
    if (text !== undefined) points.push([length - 1 - row, text]);
  }
  return points;
}

/** Writes evidence as the `evidence` member of a usage file, for `evidenceSchema`. Undefined if there is none. */
export function writeEvidence({ oomKills, hpaResources }: Evidence): object | undefined {
  if (oomKills.length === 0 && hpaResources.length === 0) return undefined;
  const kills = oomKills.map(({ atSeconds, limitBytes }) => ({ at_seconds: atSeconds, limit_bytes: limitBytes }));
  return { ...(kills.length > 0 && { oom_kills: kills }), ...(hpaResources.length > 0 && { hpa_resources: hpaResources }) };
}
