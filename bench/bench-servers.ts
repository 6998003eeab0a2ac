import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterBlocks } from '../test/cluster/cluster-blocks.js';
import type { GeneratedContainer } from '../test/cluster/generate-cluster.js';
import { startKafka } from '../test/servers/kafka.js';
import { startPostgres } from '../test/servers/postgres.js';
import { startPrometheus } from '../test/servers/prometheus.js';
import { type Service, startService } from '../test/servers/service.js';
import { makeTempFolder, removeTempFolder } from '../test/servers/temp-folder.js';
import { endSeconds } from './jobs.js';

export interface ClusterSize {
  readonly containers: number;
  /** Scrape interval, seconds. */
  readonly scrape: number;
  readonly days: number;
}

/** The servers of a benchmark, with one generated cluster. */
export interface BenchServers {
  readonly prometheusUrl: string;
  /** Bootstrap servers, if Kafka was requested. */
  readonly kafkaServers?: string;
  readonly containers: readonly GeneratedContainer[];
  /** Runs a service with its own database. */
  withService<T>(options: ServiceOptions, work: (service: Service) => Promise<T>): Promise<T>;
}

export interface ServiceOptions {
  readonly reader: 'chunks' | 'promql';
  readonly kafka?: boolean;
  /** Build to run; default: this one. */
  readonly mainFile?: string;
}

/** Generates the cluster, starts the servers, and stops them after the work. */
export async function withServers<T>(
  { containers: count, scrape, days, kafka: hasKafka = false }: ClusterSize & { readonly kafka?: boolean },
  log: (text: string) => void,
  work: (servers: BenchServers) => Promise<T>,
): Promise<T> {
  log(`generating ${count} containers, ${days} days, a sample every ${scrape} s (kept for later runs) …`);
  const { blocks, containers, samples } = await clusterBlocks({
    containers: count,
    days,
    scrapeSeconds: scrape,
    endSeconds,
    seed: 1,
    podsPerContainer: 1,
    tailSeconds: 3_600,
  });
  log(`${samples.toLocaleString('en')} samples; starting Prometheus, PostgreSQL${hasKafka ? ', Kafka' : ''} …`);
  const [prometheus, postgres, kafka] = await Promise.all([
    startPrometheus({ blocks }),
    startPostgres(),
    hasKafka ? startKafka() : undefined,
  ]);
  const folder = makeTempFolder('bench');
  const withService: BenchServers['withService'] = async (options, useService) => {
    const file = join(folder, `${options.reader}.yaml`);
    writeFileSync(file, `- name: prometheus-1\n  provider: prometheus\n  url: ${prometheus.url}\n  usage_reader: ${options.reader}\n`);
    const kafkaEnv = options.kafka && kafka ? { KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers } : {};
    const service = await startService({
      ...(options.mainFile !== undefined && { mainFile: options.mainFile }),
      env: { DATASOURCES_FILE: file, DATABASE_URL: await postgres.createDatabase(), ...kafkaEnv },
    });
    try {
      return await useService(service);
    } finally {
      await service.stop();
    }
  };
  try {
    return await work({ prometheusUrl: prometheus.url, kafkaServers: kafka?.bootstrapServers, containers, withService });
  } finally {
    removeTempFolder(folder);
    await Promise.all([prometheus.stop(), postgres.stop(), kafka?.stop()]);
  }
}
