import { clusterBlocks } from '../test/cluster/cluster-blocks.js';
import type { GeneratedContainer } from '../test/cluster/generate-cluster.js';
import { freePort } from '../test/servers/free-port.js';
import { ensureInstalled } from '../test/servers/install.js';
import { type KafkaServer, startKafka } from '../test/servers/kafka.js';
import { hasKafkaJars } from '../test/servers/kafka-jars.js';
import { type PrometheusServer, startPrometheus } from '../test/servers/prometheus.js';
import { type Service, startService } from '../test/servers/service.js';
import { logStep } from './stopwatch.js';

export interface DemoSize {
  readonly containers: number;
  readonly days: number;
  readonly scrapeSeconds: number;
}

export interface DemoServers {
  readonly kafka: KafkaServer;
  readonly prometheus: PrometheusServer;
  readonly service: Service;
  /** The generated containers; undefined with PROMETHEUS_URL. */
  readonly containers?: readonly GeneratedContainer[];
}

const hourSeconds = 3600;
const defaultPort = 8080;

/** Starts Kafka, Prometheus with a generated cluster, and the service. Uses existing servers if the environment names them. */
export async function startServers(size: DemoSize): Promise<DemoServers> {
  const { KAFKA_BOOTSTRAP_SERVERS, PROMETHEUS_URL, DATABASE_URL, PORT } = process.env;
  const startsKafka = !KAFKA_BOOTSTRAP_SERVERS;
  await ensureInstalled({ prometheus: !PROMETHEUS_URL, java: startsKafka, maven: startsKafka && !hasKafkaJars() });
  const [kafka, { prometheus, containers }] = await Promise.all([
    startKafka({ given: KAFKA_BOOTSTRAP_SERVERS }),
    PROMETHEUS_URL ? givenCluster(PROMETHEUS_URL) : startCluster(size),
  ]);
  logStep(`Apache Kafka answers at ${kafka.bootstrapServers}, Prometheus at ${prometheus.url}`);
  const service = await startService({
    env: {
      PORT: PORT ?? String(await freePort(defaultPort)),
      DATABASE_URL,
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
      PROMETHEUS_URL: prometheus.url,
      // Small shards, so that the progress bar moves even with few containers.
      SHARD_SIZE: '20',
    },
  });
  logStep(`The service answers at ${service.url}`);
  return { kafka, prometheus, service, containers };
}

type Cluster = Pick<DemoServers, 'prometheus' | 'containers'>;

async function givenCluster(url: string): Promise<Cluster> {
  return { prometheus: await startPrometheus({ given: url }) };
}

async function startCluster(size: DemoSize): Promise<Cluster> {
  const endSeconds = Math.floor(Date.now() / 1000 / hourSeconds) * hourSeconds;
  logStep(`Generating ${size.containers} containers, ${size.days} days up to now, a sample every ${size.scrapeSeconds} s …`);
  const cluster = await clusterBlocks({ ...size, endSeconds, seed: 1, tailSeconds: 2 * hourSeconds });
  logStep(`The cluster is ready: ${cluster.samples.toLocaleString('en')} samples`);
  return { prometheus: await startPrometheus({ blocks: cluster.blocks }), containers: cluster.containers };
}
