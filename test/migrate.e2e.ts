import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { freePort } from './servers/free-port.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const upToDate = /^The database at 127\.0\.0\.1:\d+\/rightsizer_\w+ is up to date: /;

let postgres: PostgresServer;

beforeAll(async () => {
  postgres = await startPostgres();
});

afterAll(() => postgres?.stop());

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `rightsizer migrate` of the build, with these settings only. */
function migrate(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, 'migrate', ...args], { env: { PATH: process.env.PATH, ...env } }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

async function query<Row extends pg.QueryResultRow>(url: string, statement: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}

const tablesOf = async (url: string) => {
  const rows = await query<{ name: string }>(url, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1");
  return rows.map(({ name }) => name);
};

describe('rightsizer migrate', () => {
  it('creates the tables, and changes nothing the second time', async () => {
    const url = await postgres.createDatabase();

    const first = await migrate({ DATABASE_URL: url });
    expect(first).toEqual({ status: 0, stderr: '', stdout: expect.stringMatching(upToDate) });
    expect(first.stdout).toContain('ran BulkJobs1795200000000, ');
    expect(await tablesOf(url)).toEqual(expect.arrayContaining(['attempt', 'bulk_job', 'experiment', 'outcome', 'shard']));

    const second = await migrate({ DATABASE_URL: url });
    expect(second).toEqual({ status: 0, stderr: '', stdout: expect.stringMatching(/: nothing to do\.\n$/) });
  });

  it('runs each migration once if two processes start together', async () => {
    const url = await postgres.createDatabase();

    const both = await Promise.all([migrate({ DATABASE_URL: url }), migrate({ DATABASE_URL: url })]);

    expect(both.map(({ status, stderr }) => ({ status, stderr }))).toEqual(Array(2).fill({ status: 0, stderr: '' }));
    expect(both.filter(({ stdout }) => stdout.includes('nothing to do'))).toHaveLength(1);
  });

  it('uses DATABASE_DIRECT_URL instead of a pooler', async () => {
    const url = await postgres.createDatabase();
    const pooler = `postgres://postgres@127.0.0.1:${await freePort()}/pooled`;

    expect(await migrate({ DATABASE_URL: pooler, DATABASE_DIRECT_URL: url })).toMatchObject({ status: 0, stderr: '' });
    expect(await tablesOf(url)).toContain('bulk_job');
  });

  it('fails without a database', async () => {
    expect(await migrate({})).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('DATABASE_URL is not set. Set it to postgres://'),
    });
  });

  it.each(['DATABASE_URL', 'DATABASE_DIRECT_URL'])('names %s if its server does not respond, without the password', async (setting) => {
    const url = `postgres://me:s3cret@127.0.0.1:${await freePort()}/sizes`;
    const { status, stdout, stderr } = await migrate({ DATABASE_URL: url, [setting]: url });

    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      new RegExp(`^rightsizer: PostgreSQL at 127\\.0\\.0\\.1:\\d+/sizes cannot be used: .*ECONNREFUSED.* Check it and ${setting}\\.\n$`),
    );
    expect(stderr).not.toContain('s3cret');
  });

  it('fails and changes nothing if the user may not create tables', async () => {
    const url = new URL(await postgres.createDatabase());
    await query(url.href, 'CREATE ROLE reader LOGIN');
    const { status, stderr } = await migrate({ DATABASE_URL: Object.assign(new URL(url), { username: 'reader' }).href });

    expect(status).toBe(1);
    expect(stderr).toMatch(/was not migrated: permission denied for schema public\. Check the rights of the user in DATABASE_URL\.\n$/);
    expect(await tablesOf(url.href)).toEqual([]);
  });

  it('explains itself', async () => {
    const { status, stdout } = await migrate({}, '--help');
    expect(status).toBe(0);
    expect(stdout).toContain('create or update the tables of the database in DATABASE_URL');
  });
});
