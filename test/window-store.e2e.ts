import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { clusterBlocks } from './cluster/cluster-blocks.js';
import { differences } from './differences.js';
import { experimentsOf, startJob, waitForEnd } from './jobs.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { type Service, startService } from './servers/service.js';
import { waitUntil } from './servers/wait-until.js';
import { type SwitchedProxy, startSwitchedProxy } from './switched-proxy.js';

const containers = 30;
const [minute, hour, day] = [60, 3600, 86_400];
/** The first Prometheus has data up to here, the second two days more. */
const endOfData = Date.parse('2026-11-18T10:00:00Z') / 1000;
const cluster = { containers, days: 3, scrapeSeconds: 60, endSeconds: endOfData, seed: 11 };

let early: PrometheusServer;
let late: PrometheusServer;
let other: PrometheusServer;
let proxy: SwitchedProxy;
let postgres: PostgresServer;
let databaseUrl: string;
/** One service with a window store, one without. */
let stored: Service;
let plain: Service;

const start = (database: string, env: Record<string, string>) =>
  startService({ env: { PROMETHEUS_URL: proxy.url, DATABASE_URL: database, MEASURE_THREADS: '1', ...env } });

beforeAll(async () => {
  const [data, longer, others] = await Promise.all([
    clusterBlocks(cluster),
    clusterBlocks({ ...cluster, tailSeconds: 2 * day }),
    clusterBlocks({ ...cluster, tailSeconds: 2 * day, seed: 12 }),
  ]);
  [early, late, other, postgres] = await Promise.all([
    startPrometheus({ blocks: data.blocks }),
    startPrometheus({ blocks: longer.blocks }),
    startPrometheus({ blocks: others.blocks }),
    startPostgres(),
  ]);
  proxy = await startSwitchedProxy(early.url);
  databaseUrl = await postgres.createDatabase();
  [stored, plain] = await Promise.all([start(databaseUrl, {}), start(await postgres.createDatabase(), { USAGE_STORE: 'false' })]);
});

afterAll(async () => {
  await Promise.all([stored?.stop(), plain?.stop()]);
  await proxy?.stop();
  await Promise.all([early?.stop(), late?.stop(), other?.stop(), postgres?.stop()]);
});

/** Runs a job whose usage ends at `endSeconds`; returns its recommendations and the cost of reading the usage. */
async function recommend(service: Service, endSeconds: number, body: object = {}) {
  const end = new Date(endSeconds * 1000).toISOString();
  const begun = new Date();
  proxy.takeUsageBytes();
  const jobId = await startJob(service.url, { time_range: { end }, ...body });
  const summary = await waitForEnd(service.url, jobId);
  expect(summary).toMatchObject({ status: 'COMPLETED', failed_experiments: 0 });
  const usageBytes = proxy.takeUsageBytes();
  const experiments = await experimentsOf(service.url, jobId);
  const recommendations = Object.fromEntries(Object.entries(experiments).map(([name, { apis }]) => [name, apis.recommendations.response]));
  return { recommendations, usageBytes, begun, count: Object.keys(experiments).length };
}

async function ask<Row extends pg.QueryResultRow>(query: string, parameters: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Row>(query, parameters)).rows;
  } finally {
    await client.end();
  }
}

/** Runs a job of the service with a store, and waits until its windows are stored. */
async function recommendAndStore(endSeconds: number, body: object = {}) {
  const job = await recommend(stored, endSeconds, body);
  await waitUntil('windows are stored', async () => {
    const [row] = await ask<{ count: string }>('SELECT count(*) FROM usage_series WHERE used_at >= $1', [job.begun]);
    return Number(row!.count) === job.count;
  });
  return job;
}

async function compare(endSeconds: number, body: object = {}) {
  const [withStore, without] = [await recommendAndStore(endSeconds, body), await recommend(plain, endSeconds, body)];
  expect(Object.keys(withStore.recommendations).length).toBeGreaterThan(5);
  expect(differences(without.recommendations, withStore.recommendations, { relative: 1e-9 })).toEqual([]);
  return withStore.usageBytes / without.usageBytes;
}

const firstEnd = endOfData + 30 * minute;

describe('recommendations are the same with and without stored windows', () => {
  it('for the first job', async () => {
    expect(await compare(firstEnd)).toBeGreaterThan(0.9);
  });

  it('15 minutes later, after late samples, with a fraction of the reading', async () => {
    proxy.switchTo(late.url);
    expect(await compare(firstEnd + 15 * minute)).toBeLessThan(0.2);
  });

  it('for the same end again', async () => {
    expect(await compare(firstEnd + 15 * minute)).toBeLessThan(0.2);
  });

  it('after a day without jobs', async () => {
    const share = await compare(firstEnd + 27 * hour);
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.8);
  });

  it('for an earlier end, without effect on the next job', async () => {
    expect(await compare(firstEnd + 20 * hour)).toBeLessThan(0.2);
    expect(await compare(firstEnd + 27 * hour + 15 * minute)).toBeLessThan(0.2);
  });

  it('for short terms, and then for long terms', async () => {
    expect(await compare(firstEnd + 27 * hour + 30 * minute, { term_settings: { terms: ['short'] } })).toBeLessThan(0.3);
    expect(await compare(firstEnd + 27 * hour + 45 * minute)).toBeLessThan(0.2);
  });

  it('for another measurement duration, which has its own windows', async () => {
    const body = { measurement_duration: '30min' };
    expect(await compare(firstEnd + 28 * hour, body)).toBeGreaterThan(0.9);
    expect(await compare(firstEnd + 28 * hour + 30 * minute, body)).toBeLessThan(0.3);
  });

  it('for namespaces', async () => {
    const body = { experiment_types: ['namespace'] };
    await compare(firstEnd + 28 * hour, body);
    expect(await compare(firstEnd + 28 * hour + 15 * minute, body)).toBeLessThan(0.3);
  });

  it('after a restart', async () => {
    await stored.restart();
    expect(await compare(firstEnd + 29 * hour)).toBeLessThan(0.3);
  });
});

describe('windows of another scope', () => {
  it('are not used', async () => {
    const scope = { USAGE_SCOPE: 'container' };
    // Services that share a database share their jobs.
    await stored.kill();
    const [merging, without] = await Promise.all([
      start(databaseUrl, scope),
      start(await postgres.createDatabase(), { ...scope, USAGE_STORE: 'false' }),
    ]);
    try {
      const job = await recommend(merging, firstEnd + 29 * hour);
      const expected = await recommend(without, firstEnd + 29 * hour);
      expect(job.usageBytes / expected.usageBytes).toBeGreaterThan(0.9);
      expect(differences(expected.recommendations, job.recommendations, { relative: 1e-9 })).toEqual([]);
    } finally {
      await Promise.all([merging.stop(), without.stop()]);
      await stored.start();
    }
  });
});

describe('after past data of the datasource have changed', () => {
  const end = firstEnd + 29 * hour;
  const changed = async () => {
    const [withStore, without] = [await recommendAndStore(end), await recommend(plain, end)];
    return differences(without.recommendations, withStore.recommendations, { relative: 1e-9 });
  };

  it('stored windows are still used', async () => {
    proxy.switchTo(other.url);
    expect((await changed()).length).toBeGreaterThan(0);
  });

  it('`refresh` reads everything again and replaces them', async () => {
    expect(await compare(end, { refresh: true })).toBeGreaterThan(0.9);
    expect(await changed()).toEqual([]);
  });
});

describe('discovery over several days', () => {
  const range = (end: number) => ({
    time_range: { start: new Date((end - 3 * day) * 1000).toISOString(), end: new Date(end * 1000).toISOString() },
  });
  const madeAt = async () => (await ask<{ made_at: Date }>('SELECT made_at FROM discovery_answer')).map(({ made_at }) => made_at.getTime());
  const end = firstEnd + 29 * hour;

  it('caches complete days, which the next job does not query', async () => {
    await ask('DELETE FROM discovery_answer');
    await compare(end, range(end));
    const made = await madeAt();
    expect(made).toHaveLength(1);
    expect(await compare(end + 15 * minute, range(end + 15 * minute))).toBeLessThan(0.2);
    expect(await madeAt()).toEqual(made);
  });

  it('queries everything again for `refresh`', async () => {
    const [before] = await madeAt();
    await compare(end + 15 * minute, { ...range(end + 15 * minute), refresh: true });
    const [after, ...more] = await madeAt();
    expect(after).toBeGreaterThan(before!);
    expect(more).toEqual([]);
  });

  it('uses other days on the next day, and separate entries per filter', async () => {
    await compare(end + 10 * hour, range(end + 10 * hour));
    const filter = { exclude: { namespace: ['no-such'] } };
    await compare(end + 10 * hour, { ...range(end + 10 * hour), filter });
    expect(await madeAt()).toHaveLength(3);
  });
});

describe('a store that fails', () => {
  it('fails no job', async () => {
    await ask('DROP TABLE usage_block, usage_series, discovery_answer');
    const end = firstEnd + 30 * hour;
    const time_range = { start: new Date((end - 3 * day) * 1000).toISOString(), end: new Date(end * 1000).toISOString() };
    for (let turn = 0; turn < 2; turn++) {
      const [withStore, without] = [await recommend(stored, end, { time_range }), await recommend(plain, end, { time_range })];
      expect(differences(without.recommendations, withStore.recommendations, { relative: 1e-9 })).toEqual([]);
    }
    for (const complaint of [
      'cannot load stored usage; all usage is read again',
      'stored discovery results cannot be loaded: everything is queried again',
    ]) {
      expect(stored.logs.filter(({ msg }) => msg === complaint)).toHaveLength(1);
    }
  });
});
