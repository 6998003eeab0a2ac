import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { cached, cacheFolder } from '../servers/cache-folder.js';
import { loadOpenMetrics } from '../servers/open-metrics.js';
import { makeTempFolder, removeTempFolder } from '../servers/temp-folder.js';
import { countSamples } from './count-samples.js';
import { containersOf, type GeneratedContainer, wholeGrid, writeSamples } from './generate-cluster.js';
import { type ClusterOptions, type PlannedWorkload, planCluster } from './plan-cluster.js';
import type { Grid } from './usage-signal.js';

/** Samples per slice: about 600 MB of text, and as much memory of promtool. */
const samplesPerSlice = 4_000_000;
/** Concurrent slices: one is written here while promtool reads the other. */
const concurrentSlices = 2;
const keepMs = 24 * 3600 * 1000;

export interface ClusterBlocks {
  /** Folder with the cluster's Prometheus TSDB blocks. */
  readonly blocks: string;
  readonly containers: readonly GeneratedContainer[];
  readonly samples: number;
}

/** The cluster as TSDB blocks, cached for a day per options. `onPart` receives the progress, from 0 to 1. */
export async function clusterBlocks(options: ClusterOptions, onPart: (share: number) => void = () => undefined): Promise<ClusterBlocks> {
  const workloads = planCluster(options);
  const hash = createHash('sha256')
    .update(JSON.stringify(options))
    .update(await sourceText())
    .digest('hex')
    .slice(0, 16);
  await deleteOldClusters();
  const blocks = await cached(`cluster-${hash}`, (folder) => buildBlocks(workloads, options, folder, onPart));
  return { blocks, containers: containersOf(workloads), samples: countSamples(workloads, wholeGrid(options)) };
}

/** Builds the cluster's blocks in `folder`, slice by slice, so that memory and temporary files do not grow with the cluster. */
export async function buildBlocks(
  workloads: readonly PlannedWorkload[],
  options: ClusterOptions,
  folder: string,
  onPart: (share: number) => void = () => undefined,
): Promise<void> {
  const slices = cutGrid(wholeGrid(options), Math.ceil(countSamples(workloads, wholeGrid(options)) / samplesPerSlice));
  const temporary = makeTempFolder('cluster');
  const limit = pLimit(concurrentSlices);
  let done = 0;
  try {
    await Promise.all(
      slices.map((slice, number) =>
        limit(async () => {
          const file = join(temporary, `${number}.om`);
          await writeSamples(workloads, options.seed, slice, file);
          await loadOpenMetrics(file, folder);
          await unlink(file);
          onPart(++done / slices.length);
        }),
      ),
    );
  } finally {
    removeTempFolder(temporary);
  }
}

/** Divides the grid into `parts` slices of about equal length. */
export function cutGrid({ firstSeconds, stepSeconds, length }: Grid, parts: number): Grid[] {
  const size = Math.ceil(length / parts);
  return Array.from({ length: Math.ceil(length / size) }, (_, i) => ({
    firstSeconds: firstSeconds + i * size * stepSeconds,
    stepSeconds,
    length: Math.min(size, length - i * size),
  }));
}

/** The code of this folder, on which the data depend besides the options. */
async function sourceText(): Promise<string> {
  const folder = new URL('.', import.meta.url);
  const files = (await readdir(folder)).filter((name) => !name.includes('.spec.')).sort();
  return (await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')))).join('');
}

async function deleteOldClusters(): Promise<void> {
  const folder = cacheFolder();
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((entry) => /^\.?cluster-/.test(entry))) {
    const { mtimeMs } = await stat(join(folder, name));
    if (Date.now() - mtimeMs > keepMs) await rm(join(folder, name), { recursive: true, force: true });
  }
}
