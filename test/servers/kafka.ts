import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type RunningChild, startChild } from './child-process.js';
import { findJava } from './find-program.js';
import { freePort } from './free-port.js';
import { ensureInstalled } from './install.js';
import { kafkaJars } from './kafka-jars.js';
import { runCommand } from './run-command.js';
import { givenServer, type Server, startServer } from './server.js';
import { makeTempFolder } from './temp-folder.js';

export interface KafkaServer extends Server {
  /** host:port for clients. */
  readonly bootstrapServers: string;
}

export interface KafkaOptions {
  /** An existing broker, `host:port[,host:port]`, to use instead of starting one. */
  readonly given?: string;
  /** Protocol and name of the listener for clients. */
  readonly protocol?: 'PLAINTEXT' | 'SASL_PLAINTEXT' | 'SSL' | 'SASL_SSL';
  /** A second, unencrypted listener for clients that connect through a proxy at `proxyPort`. */
  readonly proxied?: { readonly port: number; readonly proxyPort: number };
  /** Additional or overriding lines of server.properties. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Additional arguments of the storage tool, such as `--add-scram`. */
  readonly formatArguments?: readonly string[];
}

/** Starts a real Apache Kafka: KRaft, one node, no topics, without automatic creation of topics. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  if (options.given) return { ...givenServer('Kafka'), bootstrapServers: options.given };
  await ensureInstalled({ java: true });
  const jars = await kafkaJars();
  const [port, controllerPort] = [await freePort(), await freePort()];
  const folder = makeTempFolder('kafka');
  const configFile = writeConfig(folder, serverProperties(folder, port, controllerPort, options));
  const java = (mainClass: string, ...args: string[]) => ['-cp', join(jars, '*'), mainClass, ...args];
  await runCommand(
    findJava()!,
    java('kafka.tools.StorageTool', 'format', '-t', 'cmlnaHRzaXplci10ZXN0cw', '-c', configFile, ...(options.formatArguments ?? [])),
  );
  const server = await startServer(folder, () => launch(java('kafka.Kafka', configFile), port));
  return { ...server, bootstrapServers: `127.0.0.1:${port}` };
}

async function launch(args: readonly string[], port: number): Promise<RunningChild> {
  let hasStarted = false;
  const onLine = (line: string) => {
    hasStarted ||= line.includes('Kafka Server started');
  };
  const child = await startChild('Kafka', findJava()!, ['-Xms256m', '-Xmx512m', ...args], { onLine });
  return child.untilReady(async () => hasStarted && (await accepts(port)));
}

function serverProperties(folder: string, port: number, controllerPort: number, options: KafkaOptions): Record<string, string> {
  const protocol = options.protocol ?? 'PLAINTEXT';
  const { proxied } = options;
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `${protocol}://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${proxied ? `,PROXIED://127.0.0.1:${proxied.port}` : ''}`,
    'advertised.listeners': `${protocol}://127.0.0.1:${port}${proxied ? `,PROXIED://127.0.0.1:${proxied.proxyPort}` : ''}`,
    'listener.security.protocol.map': `${protocol}:${protocol},CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT`,
    'inter.broker.listener.name': protocol,
    'log.dirs': join(folder, 'logs'),
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '3',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '3',
    // After kill -9, the controller accepts the broker again only after its old session has expired, by default 9 s.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    // Assigns partitions to a new consumer at once.
    'group.initial.rebalance.delay.ms': '0',
    ...options.properties,
  };
}

function writeConfig(folder: string, properties: Readonly<Record<string, string>>): string {
  mkdirSync(join(folder, 'logs'));
  const file = join(folder, 'server.properties');
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(file, lines.join(''));
  return file;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    socket.once('connect', () => socket.end());
  });
}
