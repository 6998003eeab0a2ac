import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { startChild } from './child-process.js';
import { freePort } from './free-port.js';
import { postgresBinaries, postgresUser } from './postgres-binaries.js';
import { runCommand } from './run-command.js';
import { givenServer, type Server, startServer } from './server.js';
import { makeTempFolder } from './temp-folder.js';

export interface PostgresServer extends Server {
  /** URL of the server's default database. */
  readonly url: string;
  /** Creates an empty database and returns its URL. */
  createDatabase(): Promise<string>;
}

/** Starts a real PostgreSQL, or uses the one at `given`, a URL whose user may create databases. */
export async function startPostgres({ given }: { given?: string } = {}): Promise<PostgresServer> {
  if (given) return withoutDatabases(withDatabases(givenServer('PostgreSQL'), given));
  const { initdb, postgres } = await postgresBinaries();
  const user = await postgresUser();
  const folder = makeTempFolder('postgres');
  const data = join(folder, 'data');
  mkdirSync(data);
  if (user.uid !== undefined) chownSync(data, user.uid, user.gid!);
  await runCommand(initdb, [`--pgdata=${data}`, '--auth=trust', '--username=postgres', '--encoding=UTF8', '--no-sync'], user);

  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  // fsync=off makes commits fast. A killed server still loses nothing; only a power failure would lose data.
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=300', 'fsync=off'];
  const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
  const server = await startServer(folder, async () => {
    const child = await startChild('PostgreSQL', postgres, args, user);
    return child.untilReady(() => runStatement(url, 'SELECT 1').then(Boolean, () => false));
  });
  return withDatabases(server, url);
}

function withDatabases(server: Server, url: string): PostgresServer {
  const createDatabase = async () => {
    const name = `rightsizer_${randomBytes(6).toString('hex')}`;
    await runStatement(url, `CREATE DATABASE ${name}`);
    return Object.assign(new URL(url), { pathname: `/${name}` }).href;
  };
  return { ...server, url, createDatabase };
}

/** On `stop`, drops the databases that were created. */
function withoutDatabases(server: PostgresServer): PostgresServer {
  const created: string[] = [];
  const createDatabase = async () => {
    const url = await server.createDatabase();
    created.push(new URL(url).pathname.slice(1));
    return url;
  };
  const stop = async () => {
    for (const name of created) await runStatement(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await server.stop();
  };
  return { ...server, createDatabase, stop };
}

async function runStatement(url: string, statement: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    return await client.query(statement);
  } finally {
    await client.end().catch(() => undefined);
  }
}
