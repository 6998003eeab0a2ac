import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from './child-process.js';
import { findProgram } from './find-program.js';
import { freePort } from './free-port.js';
import { ensureInstalled } from './install.js';
import { loadOpenMetrics } from './open-metrics.js';
import { givenServer, type Server, startServer } from './server.js';
import { makeTempFolder } from './temp-folder.js';

export interface PrometheusServer extends Server {
  /** http://host:port, without a trailing slash. */
  readonly url: string;
}

export interface PrometheusOptions {
  /** URL of an existing Prometheus to use instead of starting one. */
  readonly given?: string;
  /** OpenMetrics files to load before the start. */
  readonly openMetrics?: readonly string[];
  /** Folder of blocks to copy into its data before the start. */
  readonly blocks?: string;
  /** Labels that it adds to data for other systems (not to query results). */
  readonly externalLabels?: Readonly<Record<string, string>>;
  /** Additional flags of Prometheus. */
  readonly flags?: readonly string[];
}

/** Starts a real Prometheus without scrape targets and with practically unlimited retention. */
export async function startPrometheus(options: PrometheusOptions = {}): Promise<PrometheusServer> {
  if (options.given) return { ...givenServer('Prometheus'), url: options.given.replace(/\/+$/, '') };
  await ensureInstalled({ prometheus: true });
  const folder = makeTempFolder('prometheus');
  const data = join(folder, 'data');
  mkdirSync(data);
  if (options.blocks) cpSync(options.blocks, data, { recursive: true });
  for (const file of options.openMetrics ?? []) await loadOpenMetrics(file, data);

  const configFile = join(folder, 'prometheus.yml');
  const global = { external_labels: options.externalLabels ?? {} };
  writeFileSync(configFile, JSON.stringify({ global, scrape_configs: [] }));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const flags = [
    `--config.file=${configFile}`,
    `--web.listen-address=127.0.0.1:${port}`,
    `--storage.tsdb.path=${data}`,
    '--storage.tsdb.retention.time=100y',
    // Equal lengths turn compaction off, so that no background work disturbs measurements.
    '--storage.tsdb.min-block-duration=2h',
    '--storage.tsdb.max-block-duration=2h',
    ...(options.flags ?? []),
  ];
  const server = await startServer(folder, async () => {
    const child = await startChild('Prometheus', findProgram('prometheus')!, flags);
    return child.untilReady(() => answersOk(`${url}/-/ready`));
  });
  return { ...server, url };
}

/** Whether a GET of the URL gets a 2xx response. */
export async function answersOk(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
}
