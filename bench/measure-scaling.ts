import { type ClusterSize, withServers } from './bench-servers.js';
import { type ChunkJobs, measureChunkJobs } from './measure-all.js';

/** How a size of the cluster went. */
export interface ScalingLine extends ClusterSize, ChunkJobs {}

/** Full days up to a thousand containers; ten thousand with fewer and rarer samples, or the data would take an hour to make. */
export const scalingSizes: readonly ClusterSize[] = [
  { containers: 100, scrape: 120, days: 15 },
  { containers: 1_000, scrape: 120, days: 15 },
  { containers: 10_000, scrape: 900, days: 3 },
];

/** Jobs from chunks over clusters of different sizes, each on servers of its own. */
export async function measureScaling(tell: (text: string) => void): Promise<ScalingLine[]> {
  const lines: ScalingLine[] = [];
  for (const size of scalingSizes) {
    const jobs = await withServers(size, tell, (servers) =>
      servers.withService({ reader: 'chunks' }, (service) => measureChunkJobs(servers.prometheusUrl, service)),
    );
    lines.push({ ...size, ...jobs });
  }
  return lines;
}
