import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { Injectable } from '@nestjs/common';
import { Column, DataSource, Entity, type EntityManager, PrimaryColumn } from 'typeorm';
import type { Experiment, Notifications } from './experiment.js';

/** An experiment that a job created. Later jobs with the same experiment count it as existing. */
@Entity('experiment')
export class ExperimentEntity {
  @PrimaryColumn('text')
  name!: string;

  @Column('jsonb')
  definition!: Experiment;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'last_seen_at' })
  lastSeenAt!: Date;
}

/** How one experiment of one job ended. */
@Entity('outcome')
export class OutcomeEntity {
  @PrimaryColumn('uuid', { name: 'job_id' })
  jobId!: string;

  @PrimaryColumn('text', { name: 'experiment_name' })
  experimentName!: string;

  @Column('integer', { name: 'shard_number' })
  shardNumber!: number;

  @Column('jsonb')
  experiment!: Experiment;

  /** Whether an earlier job had created the experiment. */
  @Column('boolean')
  existed!: boolean;

  @Column('text')
  status!: 'PROCESSED' | 'FAILED';

  @Column('jsonb', { nullable: true })
  notifications!: Notifications | null;

  /** The generateRecommendations array, in the form that is served and published: UTF-8 JSON, raw deflate. */
  @Column('bytea', { nullable: true })
  recommendation!: Buffer | null;

  /** Why its record could not be published; null if it was, or is not published yet. */
  @Column('text', { name: 'publish_error', nullable: true })
  publishError!: string | null;
}

/** Stores the experiments that jobs have created. */
@Injectable()
export class ExperimentStore {
  constructor(private readonly database: DataSource) {}

  /** Deletes experiments that no job has had since `before`; returns how many. */
  async deleteUnseenSince(before: Date): Promise<number> {
    const [, count] = await this.database.query('DELETE FROM experiment WHERE last_seen_at < $1', [before]);
    return count;
  }

  /** Inserts experiments or updates when they were last seen, in the caller's transaction. Returns the names that existed before. */
  async upsert(transaction: EntityManager, experiments: readonly Experiment[], seenAt: Date): Promise<Set<string>> {
    const existing = new Set<string>();
    const sorted = [...experiments].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (let from = 0; from < sorted.length; from += 1_000) {
      const batch = sorted.slice(from, from + 1_000);
      const rows: { name: string; existed: boolean }[] = await transaction.query(
        `INSERT INTO experiment AS known (name, definition, created_at, last_seen_at)
         SELECT name, definition, $3, $3 FROM unnest($1::text[], $2::jsonb[]) AS seen (name, definition)
         ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at)
         RETURNING name, xmax <> 0 AS existed`,
        [batch.map(({ name }) => name), batch.map((experiment) => JSON.stringify(experiment)), seenAt],
      );
      for (const { name, existed } of rows) if (existed) existing.add(name);
    }
    return existing;
  }
}

const decompress = promisify(inflateRaw);

/** How one experiment ended; `recommendation` is the generateRecommendations array as compressed JSON. */
export interface Outcome {
  readonly experiment: Experiment;
  readonly existed: boolean;
  readonly status: 'PROCESSED' | 'FAILED';
  readonly notifications?: Notifications;
  readonly recommendation?: Buffer;
}

/** An outcome read from the database. */
export interface StoredOutcome extends Omit<Outcome, 'recommendation'> {
  readonly shardNumber: number;
  readonly recommendationJson?: string;
  readonly publishError?: string;
}

/** Rows per INSERT. Each row has several parameters; PostgreSQL accepts 65,535 per statement. */
const insertBatch = 1_000;

/** The outcomes of every job's experiments. */
@Injectable()
export class OutcomeStore {
  constructor(private readonly database: DataSource) {}

  /** Inserts the outcomes of one shard, in the caller's transaction. */
  async insert(transaction: EntityManager, jobId: string, shardNumber: number, outcomes: readonly Outcome[]): Promise<void> {
    for (let from = 0; from < outcomes.length; from += insertBatch) {
      const batch = outcomes.slice(from, from + insertBatch);
      const parameters: unknown[] = [jobId, shardNumber];
      const rows = batch.map(({ experiment, existed, status, notifications, recommendation }) => {
        const notes = notifications ? JSON.stringify(notifications) : null;
        const row = [experiment.name, JSON.stringify(experiment), existed, status, notes, recommendation ?? null];
        parameters.push(...row);
        return `($1, $2, ${row.map((_, index) => `$${parameters.length - row.length + index + 1}`).join(', ')})`;
      });
      await transaction.query(
        `INSERT INTO outcome (job_id, shard_number, experiment_name, experiment, existed, status, notifications, recommendation)
         VALUES ${rows.join(', ')}`,
        parameters,
      );
    }
  }

  /** All outcomes of one shard with their recommendations, ordered by name. */
  async ofShard(jobId: string, shardNumber: number): Promise<StoredOutcome[]> {
    const sql = 'SELECT * FROM outcome WHERE job_id = $1 AND shard_number = $2 ORDER BY experiment_name';
    const rows = await this.database.query(sql, [jobId, shardNumber]);
    return Promise.all(rows.map(readRow));
  }

  /** Names of the experiments of one shard that have an outcome. */
  async namesOfShard(jobId: string, shardNumber: number): Promise<string[]> {
    const sql = 'SELECT experiment_name AS name FROM outcome WHERE job_id = $1 AND shard_number = $2';
    const rows: { name: string }[] = await this.database.query(sql, [jobId, shardNumber]);
    return rows.map(({ name }) => name);
  }

  /** Up to `limit` outcomes of a job, ordered by name, starting after `after`. Reads recommendations only if requested. */
  async page(jobId: string, after: string, limit: number, withRecommendations: boolean): Promise<StoredOutcome[]> {
    const columns = `shard_number, experiment, existed, status, notifications, publish_error${withRecommendations ? ', recommendation' : ''}`;
    const sql = `SELECT ${columns} FROM outcome WHERE job_id = $1 AND experiment_name > $2 ORDER BY experiment_name LIMIT $3`;
    const rows = await this.database.query(sql, [jobId, after, limit]);
    return Promise.all(rows.map(readRow));
  }

  /** Names of up to `limit` experiments with an outcome, in order, starting after `after`. */
  async names(jobId: string, after: string, limit: number): Promise<string[]> {
    const sql = 'SELECT experiment_name AS name FROM outcome WHERE job_id = $1 AND experiment_name > $2 ORDER BY experiment_name LIMIT $3';
    const rows: { name: string }[] = await this.database.query(sql, [jobId, after, limit]);
    return rows.map(({ name }) => name);
  }

  /** The outcome of one experiment; undefined if there is none. */
  async one(jobId: string, name: string): Promise<StoredOutcome | undefined> {
    const rows = await this.database.query('SELECT * FROM outcome WHERE job_id = $1 AND experiment_name = $2', [jobId, name]);
    return rows.length === 0 ? undefined : readRow(rows[0]);
  }

  /** Stores why records could not be published, in the caller's transaction. `errors` = reasons by experiment name. */
  async markPublishErrors(transaction: EntityManager, jobId: string, errors: ReadonlyMap<string, string>): Promise<void> {
    if (errors.size === 0) return;
    await transaction.query(
      `UPDATE outcome SET publish_error = failed.reason
       FROM unnest($2::text[], $3::text[]) AS failed (name, reason)
       WHERE job_id = $1 AND experiment_name = failed.name`,
      [jobId, [...errors.keys()], [...errors.values()]],
    );
  }
}

interface OutcomeRow extends Pick<OutcomeEntity, 'experiment' | 'existed' | 'status' | 'notifications'> {
  shard_number: number;
  recommendation?: Buffer | null;
  publish_error: string | null;
}

async function readRow(row: OutcomeRow): Promise<StoredOutcome> {
  return {
    shardNumber: row.shard_number,
    experiment: row.experiment,
    existed: row.existed,
    status: row.status,
    notifications: row.notifications ?? undefined,
    recommendationJson: row.recommendation ? (await decompress(row.recommendation)).toString('utf8') : undefined,
    publishError: row.publish_error ?? undefined,
  };
}
