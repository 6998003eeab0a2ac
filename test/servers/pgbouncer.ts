import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { startChild } from './child-process.js';
import { findProgram } from './find-program.js';
import { freePort } from './free-port.js';
import { ensureInstalled } from './install.js';
import { postgresUser } from './postgres-binaries.js';
import { type Server, startServer } from './server.js';
import { makeTempFolder } from './temp-folder.js';

export interface PgBouncer extends Server {
  readonly url: string;
}

/** Starts a real PgBouncer with default settings in front of a database. */
export async function startPgBouncer(databaseUrl: string, poolMode: 'session' | 'transaction'): Promise<PgBouncer> {
  await ensureInstalled({ pgbouncer: true });
  const folder = makeTempFolder('pgbouncer');
  const target = new URL(databaseUrl);
  const port = await freePort();
  const configFile = join(folder, 'pgbouncer.ini');
  const config = [
    '[databases]',
    `* = host=127.0.0.1 port=${target.port} user=${target.username}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    `pool_mode = ${poolMode}`,
    'default_pool_size = 60',
  ];
  writeFileSync(configFile, `${config.join('\n')}\n`);
  // Like PostgreSQL, PgBouncer refuses to run as root.
  const user = await postgresUser();
  if (user.uid !== undefined) chownSync(configFile, user.uid, user.gid!);
  const url = Object.assign(new URL(databaseUrl), { port: String(port) }).href;
  const server = await startServer(folder, async () => {
    const child = await startChild('PgBouncer', findProgram('pgbouncer')!, [configFile], user);
    return child.untilReady(() => isReady(url));
  });
  return { ...server, url };
}

async function isReady(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } finally {
    await client.end().catch(() => undefined);
  }
}
