import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunningChild, startChild } from './child-process.js';
import { clearUpLater } from './clear-up.js';
import { freePort } from './free-port.js';
import { answersOk } from './prometheus.js';
import { type Server, startServer } from './server.js';
import { makeTempFolder } from './temp-folder.js';
import { waitUntil } from './wait-until.js';

/** One line of the service's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

export interface Service extends Server {
  readonly url: string;
  /** All lines logged so far, including those of earlier starts. A line that is not JSON has only `msg`. */
  readonly logs: readonly LogLine[];
  /** Process id of the last start. */
  readonly pid: number;
  /** Kills the service and starts it again on the same port with the same data. */
  restart(): Promise<void>;
  /** Waits for a line; earlier lines count too. */
  waitForLog(isWanted: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>;
}

export interface ServiceOptions {
  /** Settings. From the environment of this process, only the variables that programs need are passed on. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `listening` does not wait for Kafka, the datasources and so on; default `ready`. */
  readonly until?: 'ready' | 'listening';
  readonly timeoutMs?: number;
  /** Build to run; default: this one. */
  readonly mainFile?: string;
}

const ownMainFile = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** The flags of V8 with which `npm start` runs this build. */
function v8FlagsOf(mainFile: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(mainFile, '../../package.json'), 'utf8'));
  return /exec node (.*)dist\/main\.js/.exec(scripts.start)![1]!.split(' ').filter(Boolean);
}

const passedOn = ['PATH', 'HOME', 'USER', 'LANG', 'TZ', 'TMPDIR', 'XDG_CACHE_HOME'];

/** Starts the built service on a free port, with its data in a temporary folder unless `env` says otherwise. */
export async function startService({
  env = {},
  until = 'ready',
  timeoutMs = 120_000,
  mainFile = ownMainFile,
}: ServiceOptions = {}): Promise<Service> {
  const folder = makeTempFolder('service');
  const port = env.PORT ?? String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const inherited = Object.fromEntries(passedOn.map((name) => [name, process.env[name]]));
  const environment = { ...inherited, HOST: '127.0.0.1', DATA_DIR: join(folder, 'data'), ...env, PORT: port };
  const logs: LogLine[] = [];
  let child: RunningChild | undefined;

  const launch = async () => {
    const before = logs.length;
    const isListening = () => logs.slice(before).some(({ msg }) => msg === 'listening');
    child = await startChild('the service', process.execPath, [...v8FlagsOf(mainFile), mainFile], {
      env: environment,
      onLine: (line) => logs.push(readLine(line)),
    });
    return child.untilReady(async () => isListening() && (until === 'listening' || (await answersOk(`${url}/health/ready`))), timeoutMs);
  };
  // The embedded PostgreSQL outlives a killed service.
  const pidFile = join(environment.DATA_DIR, 'postgres', 'postmaster.pid');
  const isOurs = pidFile.startsWith(folder);
  if (isOurs) clearUpLater('pidfile', pidFile);
  const server = await startServer(folder, launch, async () => isOurs && endPostgres(pidFile));
  return {
    ...server,
    url,
    logs,
    get pid() {
      return child!.pid;
    },
    restart: async () => {
      await server.kill();
      await server.start();
    },
    waitForLog: async (isWanted, waitMs = 30_000) => {
      await waitUntil('the service has logged the expected line', () => logs.some(isWanted), { timeoutMs: waitMs });
      return logs.find(isWanted)!;
    },
  };
}

/** Stops the PostgreSQL of this pid file, if the file exists. */
async function endPostgres(pidFile: string): Promise<void> {
  const isThere = () => existsSync(pidFile);
  if (isThere()) process.kill(Number.parseInt(readFileSync(pidFile, 'utf8'), 10), 'SIGINT');
  await waitUntil('the embedded PostgreSQL has ended', () => !isThere());
}

function readLine(line: string): LogLine {
  try {
    const read = JSON.parse(line);
    return typeof read === 'object' && read !== null && typeof read.msg === 'string' ? read : { msg: line };
  } catch {
    return { msg: line };
  }
}
