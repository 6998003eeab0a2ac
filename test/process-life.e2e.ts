import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningChild, startChild } from './servers/child-process.js';
import { clearUpLater } from './servers/clear-up.js';
import { makeTempFolder, removeTempFolder } from './servers/temp-folder.js';
import { waitUntil } from './servers/wait-until.js';

const mainFile = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const folders: string[] = [];
const children: RunningChild[] = [];
const servers: Server[] = [];
let dataDir: string;
let lines: string[];

beforeEach(() => {
  const folder = makeTempFolder('life');
  folders.push(folder);
  dataDir = join(folder, 'data');
  clearUpLater('pidfile', join(dataDir, 'postgres/postmaster.pid'));
  lines = [];
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.stop()));
  for (const server of servers.splice(0)) server.close();
});

afterAll(() => {
  for (const folder of folders) removeTempFolder(folder);
});

async function launch(env: Record<string, string> = {}): Promise<RunningChild> {
  const environment = { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0', DATA_DIR: dataDir, ...env };
  const child = await startChild('the service', process.execPath, [mainFile], { env: environment, onLine: (line) => lines.push(line) });
  children.push(child);
  return child;
}

/** A service with a step that does not end, because its datasource never responds. */
async function launchBusy(SHUTDOWN_TIMEOUT_MS: string) {
  const silent = createServer((socket) => socket.on('error', () => undefined).resume());
  await new Promise<void>((ready) => silent.listen(0, '127.0.0.1', ready));
  servers.push(silent);
  const PROMETHEUS_URL = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const child = await launch({ PROMETHEUS_URL, SHUTDOWN_TIMEOUT_MS, LOG_LEVEL: 'debug' });
  await untilLine('"listening"');
  const url = `http://127.0.0.1:${portOf()}`;
  await waitUntil('the service is ready', async () => (await fetch(`${url}/health/ready`)).ok);
  expect((await fetch(`${url}/bulk`, { method: 'POST', body: '{}' })).status).toBe(200);
  await untilLine('leased');
  return { child, url };
}

const hasLine = (text: string) => lines.some((line) => line.includes(text));
const untilLine = (text: string) =>
  waitUntil(`the service says "${text}"`, () => hasLine(text)).catch((cause) => {
    throw new Error(`${(cause as Error).message}; it said:\n${lines.slice(-15).join('\n')}`, { cause });
  });
const portOf = () => JSON.parse(lines.find((line) => line.includes('"listening"'))!).port as string;

/** Process id of the embedded PostgreSQL; undefined after a clean stop. */
function postmaster(): number | undefined {
  const file = join(dataDir, 'postgres/postmaster.pid');
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : undefined;
}

describe('a stop', () => {
  it.each(['', 'initdb', '"embedded PostgreSQL is ready"', '"listening"'])(
    'after "%s" ends the process and its PostgreSQL cleanly',
    async (moment) => {
      const child = await launch();
      if (moment === 'initdb') await waitUntil('initdb works', () => existsSync(join(dataDir, 'postgres')));
      else if (moment) await untilLine(moment);
      process.kill(child.pid, 'SIGTERM');
      process.kill(child.pid, 'SIGTERM');
      await child.exited;
      expect(postmaster()).toBeUndefined();
      expect(hasLine('does not start')).toBe(false);
    },
  );

  it('is cut short by a second signal', async () => {
    const { child } = await launchBusy('600000');
    await waitUntil('it ends', async () => {
      if (!child.hasExited) process.kill(child.pid, 'SIGTERM');
      return child.hasExited;
    });
    // The forced exit leaves PostgreSQL running; the next start takes it over.
    expect(postmaster()).toBeDefined();
  });

  it('is visible in the readiness probe while steps end', async () => {
    const { child, url } = await launchBusy('3000');
    process.kill(child.pid, 'SIGTERM');
    await waitUntil('it is draining', async () => {
      const answer = await fetch(`${url}/health/ready`);
      return (
        answer.status === 503 && answer.headers.has('retry-after') && ((await answer.json()) as { status: string }).status === 'draining'
      );
    });
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    await child.exited;
  });
});

describe('a start', () => {
  it('on a used port names the port, and leaves no PostgreSQL running', async () => {
    const other = createServer();
    await new Promise<void>((ready) => other.listen(0, '127.0.0.1', ready));
    const { port } = other.address() as AddressInfo;
    const child = await launch({ PORT: String(port) });
    await child.exited;
    other.close();
    expect(hasLine(`rightsizer does not start. It cannot listen on 127.0.0.1 port ${port}: another program listens there`)).toBe(true);
    expect(existsSync(dataDir)).toBe(false);
  });

  it('with an unknown argument exits, and says how to change settings', async () => {
    const child = await startChild('the service', process.execPath, [mainFile, '--port', '80'], { onLine: (line) => lines.push(line) });
    children.push(child);
    await child.exited;
    expect(hasLine('rightsizer does not accept the argument --port. Set environment variables')).toBe(true);
  });

  it('without PostgreSQL reports it once', async () => {
    const child = await launch({ DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' });
    await child.exited;
    expect(lines.filter((line) => line.includes('127.0.0.1:1'))).toEqual([
      expect.stringMatching(/^rightsizer does not start\. PostgreSQL at 127\.0\.0\.1:1/),
    ]);
  });

  it('with a folder that cannot be created names the folder, and exits', async () => {
    dataDir = '/proc/rightsizer/data';
    const child = await launch();
    await child.exited;
    expect(hasLine('DATA_DIR: cannot create /proc/rightsizer/data')).toBe(true);
  });

  it('on data that another process uses is rejected without side effects', async () => {
    const first = await launch();
    await untilLine('"listening"');
    const [url, pid] = [`http://127.0.0.1:${portOf()}`, postmaster()];
    const second = await launch();
    await second.exited;
    expect(hasLine(`DATA_DIR ${dataDir} is in use by another rightsizer (process ${first.pid})`)).toBe(true);
    const ready = await fetch(`${url}/health/ready`);
    expect(ready.status).toBe(200);
    expect(((await ready.json()) as { warnings: string[] }).warnings).toEqual([expect.stringContaining('No datasource is configured')]);
    expect(postmaster()).toBe(pid);
  });

  it('through a symbolic link is rejected on data that another process uses, without side effects', async () => {
    const parent = dirname(dataDir);
    mkdirSync(join(parent, 'real'));
    symlinkSync('real', join(parent, 'link'));
    dataDir = join(parent, 'link', 'data');
    clearUpLater('pidfile', join(dataDir, 'postgres/postmaster.pid'));
    const first = await launch();
    await untilLine('"listening"');
    const pid = postmaster();
    const second = await launch();
    await second.exited;
    expect(hasLine(`is in use by another rightsizer (process ${first.pid})`)).toBe(true);
    expect(postmaster()).toBe(pid);
  });

  it('on data of a killed process takes them over', async () => {
    const first = await launch();
    await untilLine('"listening"');
    const pid = postmaster();
    await first.kill();
    lines = [];
    await launch();
    await untilLine('"listening"');
    expect(hasLine('"takenOver":true')).toBe(true);
    expect(postmaster()).toBe(pid);
  });

  it('on data of a killed PostgreSQL does not harm another process with the same process id', async () => {
    const first = await launch();
    await untilLine('"listening"');
    const pid = postmaster()!;
    await first.kill();
    await killAndWait(pid);
    const stranger = await startStranger();
    nameInPidFile(stranger.pid);
    lines = [];
    const second = await launch();
    await untilLine('"listening"');
    expect(hasLine('"takenOver":false')).toBe(true);
    process.kill(second.pid, 'SIGTERM');
    await second.exited;
    expect(stranger.hasExited).toBe(false);
  });

  it('after an interrupted first start creates the database again', async () => {
    const first = await launch();
    await waitUntil('initdb works', () => existsSync(join(dataDir, 'postgres/PG_VERSION')));
    await first.kill();
    lines = [];
    await launch();
    await untilLine('"listening"');
  });
});

describe('the embedded PostgreSQL', () => {
  it('is restarted if it dies, and accepts jobs again', async () => {
    const child = await launch();
    await untilLine('"listening"');
    const url = `http://127.0.0.1:${portOf()}`;
    process.kill(postmaster()!, 'SIGKILL');
    await untilLine('embedded PostgreSQL is back');
    await waitUntil('the service is ready', async () => (await fetch(`${url}/health/ready`)).ok, { timeoutMs: 30_000 });
    expect((await fetch(`${url}/bulk/jobs`)).status).toBe(200);
    expect(child.hasExited).toBe(false);
  });

  it('is killed at a stop if it hangs', async () => {
    const child = await launch({ SHUTDOWN_TIMEOUT_MS: '100' });
    await untilLine('"listening"');
    const pid = postmaster()!;
    process.kill(pid, 'SIGSTOP');
    process.kill(child.pid, 'SIGTERM');
    await child.exited;
    expect(hasLine('embedded PostgreSQL hangs; it is killed')).toBe(true);
  });

  it('is restarted even if another process, which is not harmed, has its process id', async () => {
    const child = await launch();
    await untilLine('"listening"');
    const stranger = await startStranger();
    process.kill(child.pid, 'SIGSTOP'); // so that it does not notice the change
    await killAndWait(postmaster()!);
    nameInPidFile(stranger.pid);
    process.kill(child.pid, 'SIGCONT');
    await untilLine('embedded PostgreSQL is back');
    process.kill(child.pid, 'SIGTERM');
    await child.exited;
    expect(postmaster()).toBeUndefined();
    expect(stranger.hasExited).toBe(false);
  });
});

async function killAndWait(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await waitUntil('it has ended', () => !isRunning(pid));
}

/** Whether a process has ended. A zombie, whose stopped parent cannot reap it, counts as ended. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !readFileSync(stat, 'utf8').includes(') Z ');
}

/** Starts an unrelated process of the user that PostgreSQL runs as. */
async function startStranger(): Promise<RunningChild> {
  const { uid, gid } = statSync(join(dataDir, 'postgres'));
  const child = await startChild('a stranger', 'sleep', ['600'], { uid, gid });
  children.push(child);
  return child;
}

/** Simulates that an unrelated process has the process id of the dead PostgreSQL. */
function nameInPidFile(pid: number): void {
  const file = join(dataDir, 'postgres/postmaster.pid');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^\d+/, String(pid)));
}
