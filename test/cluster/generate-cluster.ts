import { open } from 'node:fs/promises';
import { listSeries, type Series } from './list-series.js';
import { type MetricFamily, metricFamilies } from './metric-families.js';
import { type ClusterOptions, daySeconds, type PlannedWorkload, planCluster } from './plan-cluster.js';
import { SampleWriter } from './sample-writer.js';
import type { Grid } from './usage-signal.js';

/** A container that the generated cluster has; its image is the latest one. */
export interface GeneratedContainer {
  readonly namespace: string;
  readonly workload: string;
  readonly workloadType: string;
  readonly container: string;
  readonly image: string;
  /** Pods that run at the end. */
  readonly pods: number;
}

/** Writes the whole cluster as OpenMetrics text into a file and says which containers it has. Equal options give equal bytes. */
export async function generateCluster(options: ClusterOptions, file: string): Promise<GeneratedContainer[]> {
  const workloads = planCluster(options);
  await writeSamples(workloads, options.seed, wholeGrid(options), file);
  return containersOf(workloads);
}

/** All scrapes: on multiples of `scrapeSeconds`, in (end - days, end + tail]. */
export function wholeGrid({ days, scrapeSeconds, endSeconds, tailSeconds = 0 }: ClusterOptions): Grid {
  const first = Math.floor((endSeconds - days * daySeconds) / scrapeSeconds) + 1;
  const last = Math.floor((endSeconds + tailSeconds) / scrapeSeconds);
  return { firstSeconds: first * scrapeSeconds, stepSeconds: scrapeSeconds, length: last - first + 1 };
}

/** The containers of a planned cluster, as jobs should find them. */
export function containersOf(workloads: readonly PlannedWorkload[]): GeneratedContainer[] {
  return workloads.flatMap(({ namespace, name, type, containers, pods }) => {
    const last = pods.at(-1)!;
    const image = (container: string) => `${container}:${last.version}`;
    return containers.map((container) => ({
      namespace,
      workload: name,
      workloadType: type,
      container: container.name,
      image: image(container.image),
      pods: pods.filter(({ endSeconds }) => endSeconds === last.endSeconds).length,
    }));
  });
}

/** Writes the scrapes of `slice`, a part of the whole grid: one metric after the other, each series in the order of time. */
export async function writeSamples(workloads: readonly PlannedWorkload[], seed: number, slice: Grid, file: string): Promise<void> {
  const handle = await open(file, 'w');
  try {
    const writer = new SampleWriter(handle, slice);
    for (const family of metricFamilies) {
      await writer.writeText(`# TYPE ${familyName(family)} ${family.type}\n`);
      for (const series of listSeries(family, workloads, seed)) await writeSeries(series, slice, writer);
    }
    await writer.writeText('# EOF\n');
    await writer.flush();
  } finally {
    await handle.close();
  }
}

/** OpenMetrics names the family of an info or a counter without the ending of its samples. */
function familyName({ metric, type }: MetricFamily): string {
  return type === 'gauge' ? metric : metric.replace(/_(info|total)$/, '');
}

async function writeSeries({ text, startSeconds, endSeconds, values, seed }: Series, slice: Grid, writer: SampleWriter): Promise<void> {
  const { stepSeconds, length } = slice;
  const instantOf = (seconds: number) => Math.ceil((seconds - slice.firstSeconds) / stepSeconds);
  const from = Math.max(0, instantOf(startSeconds));
  const to = Math.min(length, instantOf(endSeconds));
  if (from >= to) return;
  if (typeof values === 'number') return writer.writeConstant(text, values, from, to);
  // Counters need all that was before: values begin with the pod, not with the slice.
  const offset = -instantOf(startSeconds);
  const grid = { firstSeconds: slice.firstSeconds - offset * stepSeconds, stepSeconds, length: offset + to };
  return writer.writeValues(text, values.format, values.at(grid, seed), offset, from, to);
}
