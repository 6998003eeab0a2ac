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

/** Samples of one piece: about 600 MB of text and as much memory of promtool. */
const samplesPerSlice = 4_000_000;
/** Pieces in work at once: one is written here while promtool reads the other. */
const slicesAtOnce = 2;
const keepMs = 24 * 3600 * 1000;

export interface ClusterBlocks {
  /** Folder with the cluster as blocks of Prometheus' database. */
  readonly blocks: string;
  readonly containers: readonly GeneratedContainer[];
  readonly samples: number;
}

/** The cluster as blocks, made once and kept for a day: another call with equal options is quick. `onPart` hears which share is done, 0 to 1. */
export async function clusterBlocks(options: ClusterOptions, onPart: (share: number) => void = () => undefined): Promise<ClusterBlocks> {
  const workloads = planCluster(options);
  const hash = createHash('sha256')
    .update(JSON.stringify(options))
    .update(await sourceText())
    .digest('hex')
    .slice(0, 16);
  await forgetOldClusters();
  const blocks = await cached(`cluster-${hash}`, (folder) => buildBlocks(workloads, options, folder, onPart));
  return { blocks, containers: containersOf(workloads), samples: countSamples(workloads, wholeGrid(options)) };
}

/** Makes the cluster's blocks in `folder`, in pieces of time, so that neither the memory nor the temporary files grow with the cluster. */
export async function buildBlocks(
  workloads: readonly PlannedWorkload[],
  options: ClusterOptions,
  folder: string,
  onPart: (share: number) => void = () => undefined,
): Promise<void> {
  const slices = cutGrid(wholeGrid(options), Math.ceil(countSamples(workloads, wholeGrid(options)) / samplesPerSlice));
  const temporary = makeTempFolder('cluster');
  const limit = pLimit(slicesAtOnce);
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

/** The grid in `parts` pieces of about equal length. */
export function cutGrid({ firstSeconds, stepSeconds, length }: Grid, parts: number): Grid[] {
  const size = Math.ceil(length / parts);
  return Array.from({ length: Math.ceil(length / size) }, (_, i) => ({
    firstSeconds: firstSeconds + i * size * stepSeconds,
    stepSeconds,
    length: Math.min(size, length - i * size),
  }));
}

/** What the data depend on beside the options: this folder's code. */
async function sourceText(): Promise<string> {
  const folder = new URL('.', import.meta.url);
  const files = (await readdir(folder)).filter((name) => !name.includes('.spec.')).sort();
  return (await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')))).join('');
}

async function forgetOldClusters(): Promise<void> {
  const folder = cacheFolder();
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((entry) => /^\.?cluster-/.test(entry))) {
    const { mtimeMs } = await stat(join(folder, name));
    if (Date.now() - mtimeMs > keepMs) await rm(join(folder, name), { recursive: true, force: true });
  }
}
