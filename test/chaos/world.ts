import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { collectRecords, type RecordCollector } from '../collect-records.js';
import { startChild } from '../servers/child-process.js';
import { type FaultProxy, startFaultProxy } from '../servers/fault-proxy.js';
import { freePort } from '../servers/free-port.js';
import { startKafka } from '../servers/kafka.js';
import { startPostgres } from '../servers/postgres.js';
import { startPrometheus } from '../servers/prometheus.js';
import { startRedis } from '../servers/redis.js';
import { makeTempFolder, removeTempFolder } from '../servers/temp-folder.js';
import { smallCluster } from '../small-cluster.js';
import { startReceiver, type WebhookReceiver } from '../webhook-receiver.js';

/** The namespaces of the cluster, and the time range of the jobs. */
export const namespaces = ['space-0', 'space-1', 'space-2', 'space-3'] as const;
const endSeconds = Date.parse('2026-11-21T03:30:00Z') / 1000;
export const time_range = { start: '2026-11-20T21:30:00Z', end: '2026-11-21T03:30:00Z' };
const containers = 24;

export const mainFile = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Real servers, each behind a proxy that can break the connection, and an API process that bypasses the proxies. */
export interface World {
  readonly apiUrl: string;
  /** Settings of a worker, which reaches all servers through the proxies. */
  readonly environment: NodeJS.ProcessEnv;
  readonly proxies: Readonly<Record<string, FaultProxy>>;
  readonly database: pg.Client;
  readonly receiver: WebhookReceiver;
  readonly collector: RecordCollector;
  /** Webhook address; the receiver records its calls under this name. */
  hook(name: string): string;
  close(): Promise<void>;
}

export async function startWorld(queue: 'postgres' | 'redis'): Promise<World> {
  const folder = makeTempFolder('chaos');
  const kafkaPort = await freePort();
  const kafkaProxy = await startFaultProxy(kafkaPort);
  const [prometheus, kafka, postgres, redis, receiver] = await Promise.all([
    startPrometheus({ openMetrics: [writeCluster(folder)] }),
    startKafka({ proxied: { port: kafkaPort, proxyPort: kafkaProxy.port } }),
    startPostgres(),
    queue === 'redis' ? startRedis() : undefined,
    startReceiver(),
  ]);
  const direct = {
    postgres: await postgres.createDatabase(),
    prometheus: prometheus.url,
    webhook: receiver.hook('', 200),
    redis: redis?.url,
  };
  const proxyOf = async (url: string) => startFaultProxy(Number(new URL(url).port));
  const proxies = {
    kafka: kafkaProxy,
    postgres: await proxyOf(direct.postgres),
    prometheus: await proxyOf(direct.prometheus),
    webhook: await proxyOf(direct.webhook),
    ...(direct.redis && { redis: await proxyOf(direct.redis) }),
  };
  const environment = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    HOST: '127.0.0.1',
    PORT: '0',
    ROLE: 'worker',
    DATABASE_URL: through(direct.postgres, proxies.postgres),
    PROMETHEUS_URL: through(direct.prometheus, proxies.prometheus),
    KAFKA_BOOTSTRAP_SERVERS: `127.0.0.1:${kafkaProxy.port}`,
    ...(direct.redis && { QUEUE_URL: through(direct.redis, proxies.redis!) }),
    WEBHOOK_ALLOW_PRIVATE: 'true',
    SHARD_SIZE: '3',
    MEASURE_THREADS: '1',
    RECONCILE_INTERVAL_MS: '1000',
    SHUTDOWN_TIMEOUT_MS: '2000',
    DATASOURCE_TIMEOUT_MS: '10000',
    LOG_LEVEL: 'warn',
  };
  const port = String(await freePort());
  const past = { ROLE: 'api', PORT: port, DATABASE_URL: direct.postgres, ...(direct.redis && { QUEUE_URL: direct.redis }) };
  const api = await startChild('the API', process.execPath, [mainFile], { env: { ...environment, ...past } });
  const apiUrl = `http://127.0.0.1:${port}`;
  await api.untilReady(async () => (await fetch(`${apiUrl}/health/ready`)).ok);
  const database = new pg.Client(direct.postgres);
  await database.connect();
  const collector = await collectRecords(kafka.bootstrapServers);
  return {
    apiUrl,
    environment,
    proxies,
    database,
    receiver,
    collector,
    hook: (name) => through(receiver.hook(name, 200), proxies.webhook),
    close: async () => {
      await Promise.all([collector.stop(), database.end(), api.stop()]);
      await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
      await Promise.all([prometheus, kafka, postgres, redis, receiver].map((server) => server?.stop()));
      removeTempFolder(folder);
    },
  };
}

function writeCluster(folder: string): string {
  const file = join(folder, 'cluster.om');
  const cluster = Array.from({ length: containers }, (_, index) => ({
    namespace: namespaces[index % namespaces.length]!,
    workload: `workload-${index}`,
    container: 'app',
    cpuCores: 0.1 + index / 100,
    memoryBytes: (100 + index) * 1024 ** 2,
  }));
  writeFileSync(file, smallCluster(cluster, { endSeconds, hours: 6, stepSeconds: 60 }));
  return file;
}

function through(url: string, { port }: FaultProxy): string {
  return Object.assign(new URL(url), { port: String(port) }).href.replace(/\/$/, '');
}
