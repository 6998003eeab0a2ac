import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { JobReader } from '../src/bulk/job-reader.js';
import { BulkJobEntity, BulkJobStore, type JobSource, type NewBulkJob } from '../src/bulk/job-rows.js';
import { type Lease, LeaseStore } from '../src/bulk/lease-rows.js';
import { ShardEntity, ShardStore } from '../src/bulk/shard-rows.js';
import type { Step } from '../src/bulk/steps.js';
import { DatabaseModule } from '../src/database/database.module.js';
import type { Experiment } from '../src/experiments/experiment.js';
import { ExperimentEntity, ExperimentStore, type Outcome, OutcomeEntity, OutcomeStore } from '../src/experiments/experiment-rows.js';
import { readSettings } from '../src/settings/read-settings.js';
import { SettingsModule } from '../src/settings/settings.module.js';
import { type PostgresServer, startPostgres } from './servers/postgres.js';

/** The stores of the job flow on a database, as the service wires them, and shortcuts for tests. */
export interface JobFlow {
  readonly database: DataSource;
  readonly leases: LeaseStore;
  readonly jobs: BulkJobStore;
  readonly shards: ShardStore;
  readonly reader: JobReader;
  readonly outcomes: OutcomeStore;
  readonly experiments: ExperimentStore;
  /** Stores a job; returns its id. */
  submit(job?: Partial<NewBulkJob>, source?: JobSource): Promise<string>;
  /** Stores a job and plans it: one shard per number, with that many experiments. */
  plan(shardSizes: readonly number[], job?: Partial<NewBulkJob>): Promise<string>;
  /** Leases the next row of a step; there must be one. */
  lease(step: Step): Promise<Lease>;
  /** Commits the next shard with an outcome per experiment; returns whether the job ended. */
  measure(status?: Outcome['status']): Promise<{ lease: Lease; hasEnded: boolean }>;
  /** Expires every lease, as if its worker had died. */
  expireLeases(): Promise<void>;
  /** Returns the first row of a statement. */
  row(sql: string, parameters?: readonly unknown[]): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/**
 * Opens the stores on a new database before a file's tests, empties the tables before each test, and closes everything afterwards. `take` gets the
 * stores. Call it before the file's own hooks.
 */
export function useJobFlow(take: (flow: JobFlow) => void): void {
  let postgres: PostgresServer | undefined;
  let flow: JobFlow | undefined;

  beforeAll(async () => {
    postgres = await startPostgres({ given: process.env.DATABASE_URL });
    flow = await openJobFlow(await postgres.createDatabase());
    take(flow);
  });

  beforeEach(async () => {
    await flow!.database.query('TRUNCATE bulk_job, experiment CASCADE');
  });

  afterAll(async () => {
    await flow?.close();
    await postgres?.stop();
  });
}

export async function openJobFlow(databaseUrl: string): Promise<JobFlow> {
  @Module({
    imports: [
      SettingsModule.of(readSettings({ KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:9' })),
      DatabaseModule.at(databaseUrl, 10),
      TypeOrmModule.forFeature([BulkJobEntity, ShardEntity, ExperimentEntity, OutcomeEntity]),
    ],
    providers: [LeaseStore, BulkJobStore, ShardStore, JobReader, ExperimentStore, OutcomeStore],
  })
  class JobFlowModule {}

  const app = await NestFactory.createApplicationContext(JobFlowModule, { logger: false, abortOnError: false });
  const database = app.get(DataSource);
  const [leases, jobs, shards] = [app.get(LeaseStore), app.get(BulkJobStore), app.get(ShardStore)];

  const submit = async (job: Partial<NewBulkJob> = {}, source?: JobSource) => {
    const id = randomUUID();
    const now = new Date();
    const given = {
      request: {},
      requestHash: id,
      dedupeKey: null,
      datasources: ['prometheus-1'],
      publication: 'pending',
      deadlineAt: null,
    } as const;
    await jobs.submit({ id, usageEnd: now, startedAt: now, ...given, ...job } as NewBulkJob, source);
    return id;
  };
  const lease = async (step: Step) => {
    const taken = await leases.next(step, [], []);
    if (!taken) throw new Error(`No row is pending for ${step}.`);
    return taken;
  };
  return {
    database,
    leases,
    jobs,
    shards,
    reader: app.get(JobReader),
    outcomes: app.get(OutcomeStore),
    experiments: app.get(ExperimentStore),
    submit,
    lease,
    plan: async (shardSizes, job) => {
      const id = await submit(job);
      const discovery = await lease('discover');
      if (discovery.jobId !== id) throw new Error('The discovery of another job is pending.');
      const planned = shardSizes.map((size, number) => ({
        number,
        experiments: Array.from({ length: size }, (_, index) => experimentNamed(nameOf(number, index), job?.datasources?.[0])),
      }));
      await jobs.plan(discovery, { shards: planned, failed: [], notifications: {}, metadata: {}, at: new Date() });
      return id;
    },
    measure: async (status = 'PROCESSED') => {
      const taken = await lease('measure');
      return { lease: taken, hasEnded: await shards.commit(taken, await outcomesOf(shards, taken, status), new Date()) };
    },
    expireLeases: async () => {
      await database.query(`UPDATE attempt SET held_until = now() - interval '1 minute' WHERE held_until < 'infinity'`);
    },
    row: async (sql, parameters = []) => (await database.query(sql, [...parameters]))[0],
    close: () => app.close(),
  };
}

/** Outcomes for every experiment of a leased shard. */
export async function outcomesOf(shards: ShardStore, lease: Lease, status: Outcome['status'] = 'PROCESSED'): Promise<Outcome[]> {
  const planned = (await shards.plannedOf(lease.jobId, lease.shard)) ?? [];
  return planned.map(({ existed, ...experiment }) => ({ experiment, existed, status }));
}

/** Names sort by shard, then by index. */
export function nameOf(shard: number, index: number): string {
  return `s${String(shard).padStart(3, '0')}-${String(index).padStart(4, '0')}`;
}

export function experimentNamed(name: string, datasource = 'prometheus-1'): Experiment {
  const place = { clusterName: 'default', namespace: 'shop', pods: 1, image: 'image' };
  return { name, datasource, type: 'container', workload: name, workloadType: 'deployment', container: name, ...place };
}
