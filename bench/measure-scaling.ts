import { type ClusterSize, withServers } from './bench-servers.js';
import { type ChunkJobs, measureChunkJobs } from './measure-all.js';

/** The results for one size of the cluster. */
export interface ScalingLine extends ClusterSize, ChunkJobs {}

/** Fewer days and samples for ten thousand containers, because generating them would take an hour otherwise. */
export const scalingSizes: readonly ClusterSize[] = [
  { containers: 100, scrape: 120, days: 15 },
  { containers: 1_000, scrape: 120, days: 15 },
  { containers: 10_000, scrape: 900, days: 3 },
];

/** Measures jobs from chunks over clusters of different sizes, each on its own servers. */
export async function measureScaling(log: (text: string) => void): Promise<ScalingLine[]> {
  const lines: ScalingLine[] = [];
  for (const size of scalingSizes) {
    const jobs = await withServers(size, log, (servers) =>
      servers.withService({ reader: 'chunks' }, (service) => measureChunkJobs(servers.prometheusUrl, service)),
    );
    lines.push({ ...size, ...jobs });
  }
  return lines;
}
