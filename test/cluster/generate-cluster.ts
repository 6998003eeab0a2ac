import { open } from 'node:fs/promises';
import { listSeries, type Series } from './list-series.js';
import { type MetricFamily, metricFamilies } from './metric-families.js';
import { type ClusterOptions, daySeconds, type PlannedWorkload, planCluster } from './plan-cluster.js';
import { SampleWriter } from './sample-writer.js';
import type { Grid } from './usage-signal.js';

/** A container of the generated cluster, with its latest image. */
export interface GeneratedContainer {
  readonly namespace: string;
  readonly workload: string;
  readonly workloadType: string;
  readonly container: string;
  readonly image: string;
  /** Number of pods that run at the end. */
  readonly pods: number;
}

/** Writes the complete cluster to a file as OpenMetrics text and returns its containers. Equal options produce equal bytes. */
export async function generateCluster(options: ClusterOptions, file: string): Promise<GeneratedContainer[]> {
  const workloads = planCluster(options);
  await writeSamples(workloads, options.seed, wholeGrid(options), file);
  return containersOf(workloads);
}

/** All scrapes: at multiples of `scrapeSeconds`, in (end - days, end + tail]. */
export function wholeGrid({ days, scrapeSeconds, endSeconds, tailSeconds = 0 }: ClusterOptions): Grid {
  const first = Math.floor((endSeconds - days * daySeconds) / scrapeSeconds) + 1;
  const last = Math.floor((endSeconds + tailSeconds) / scrapeSeconds);
  return { firstSeconds: first * scrapeSeconds, stepSeconds: scrapeSeconds, length: last - first + 1 };
}

/** The containers that discovery should find in a planned cluster. */
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

/** Writes the scrapes of `slice`, a part of the full grid: metric by metric, each series in order of time. */
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

/** In OpenMetrics the family name of an info or a counter lacks the suffix of its samples. */
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
  // Counters depend on all earlier values, so values start with the pod, not with the slice.
  const offset = -instantOf(startSeconds);
  const grid = { firstSeconds: slice.firstSeconds - offset * stepSeconds, stepSeconds, length: offset + to };
  return writer.writeValues(text, values.format, values.at(grid, seed), offset, from, to);
}
