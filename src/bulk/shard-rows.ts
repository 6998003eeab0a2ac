import { Injectable } from '@nestjs/common';
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm';
import { inTransaction } from '../database/database-pool.js';
import { type Outcome, OutcomeStore } from '../experiments/experiment-rows.js';
import { PlannedExperiment } from '../sizing/plan-experiments.js';
import { BulkJobStore } from './job-rows.js';
import { type Lease, LeaseStore, Stopped } from './lease-rows.js';

/** `planned` → `recommended` (every experiment has its outcome) → `published` (every record is acknowledged; only with Kafka on). */
export type ShardState = 'planned' | 'recommended' | 'published';

/** A shard: experiments that are read, computed, committed and published together. */
@Entity('shard')
export class ShardEntity {
  @PrimaryColumn('uuid', { name: 'job_id' })
  jobId!: string;

  @PrimaryColumn('integer')
  number!: number;

  /** Null once every experiment has its outcome row. */
  @Column('jsonb', { nullable: true })
  experiments!: PlannedExperiment[] | null;

  @Column('text')
  state!: ShardState;

  @Column('integer', { name: 'publish_failed_count', default: 0 })
  publishFailedCount!: number;

  /** Number of the job's experiments that had an outcome when this shard was committed; its records contain it. */
  @Column('integer', { name: 'processed_so_far', default: 0 })
  processedSoFar!: number;

  /** Topics that already have all their records of this shard while another topic refuses its records. */
  @Column('text', { name: 'sent_topics', array: true, default: [] })
  sentTopics!: string[];

  @Column('timestamptz', { name: 'planned_at' })
  plannedAt!: Date;

  @Column('timestamptz', { name: 'recommended_at', nullable: true })
  recommendedAt!: Date | null;

  @Column('timestamptz', { name: 'published_at', nullable: true })
  publishedAt!: Date | null;
}

/** SQL: number of experiments of a shard row whose records could not be published. */
const publishFailures = `(SELECT count(*) FROM outcome
  WHERE outcome.job_id = shard.job_id AND shard_number = shard.number AND publish_error IS NOT NULL)`;

/** The shard rows. All code locks in this order: lease, shards, job. */
@Injectable()
export class ShardStore {
  constructor(
    private readonly database: DataSource,
    private readonly jobs: BulkJobStore,
    private readonly outcomes: OutcomeStore,
    private readonly leases: LeaseStore,
  ) {}

  /** The experiments of a shard; undefined once they have their outcomes. */
  async plannedOf(jobId: string, number: number): Promise<PlannedExperiment[] | undefined> {
    const shard = await this.database.manager.findOneBy(ShardEntity, { jobId, number, state: 'planned' });
    return shard?.experiments ?? undefined;
  }

  /** Commits a shard's outcomes under its lease. The last shard also ends the job: then it returns true. Rejects with LeaseLost or Stopped. */
  async commit(lease: Lease, outcomes: readonly Outcome[], at: Date, givenUpFor?: string): Promise<boolean> {
    const { jobId, shard: number } = lease;
    const failed = outcomes.filter(({ status }) => status === 'FAILED').length;
    return inTransaction(this.database, async (transaction) => {
      await this.leases.settle(transaction, lease, givenUpFor);
      const [held] = await transaction.query(
        `UPDATE shard SET state = 'recommended', experiments = NULL, failed_count = $3, recommended_at = $4
         WHERE job_id = $1 AND number = $2 AND state = 'planned' RETURNING number`,
        [jobId, number, failed, at],
      );
      if (held.length === 0) throw new Stopped('the job ended');
      await this.outcomes.insert(transaction, jobId, number, outcomes);
      await transaction.query('SELECT FROM bulk_job WHERE id = $1 FOR NO KEY UPDATE', [jobId]);
      await transaction.query(
        `UPDATE shard SET processed_so_far = (SELECT sum(experiment_count) FROM shard WHERE job_id = $1 AND state <> 'planned')
         WHERE job_id = $1 AND number = $2`,
        [jobId, number],
      );
      return this.jobs.completeIfDone(transaction, jobId, at);
    });
  }

  async find(jobId: string, number: number): Promise<ShardEntity | null> {
    return this.database.manager.findOneBy(ShardEntity, { jobId, number });
  }

  /** The shards of a job, without their experiments, keyed by number. */
  async ofJob(jobId: string): Promise<Map<number, ShardEntity>> {
    const shards = await this.database.manager
      .createQueryBuilder(ShardEntity, 'shard')
      .select(['shard.jobId', 'shard.number', 'shard.state', 'shard.plannedAt', 'shard.recommendedAt', 'shard.publishedAt'])
      .where({ jobId })
      .orderBy('shard.number')
      .getMany();
    return new Map(shards.map((shard) => [shard.number, shard]));
  }

  /** The experiment with this name if it has no outcome yet. */
  async plannedNamed(jobId: string, name: string): Promise<{ shardNumber: number; experiment: PlannedExperiment } | undefined> {
    const [found] = await this.database.query(
      `SELECT number AS "shardNumber", planned AS experiment FROM shard, jsonb_array_elements(experiments) AS planned
       WHERE job_id = $1 AND state = 'planned' AND planned ->> 'name' = $2`,
      [jobId, name],
    );
    return found;
  }

  /** The job's experiments that have no outcome yet, ordered by name, starting after `after`. */
  async plannedPage(jobId: string, after: string, limit: number): Promise<{ shardNumber: number; experiment: PlannedExperiment }[]> {
    return this.database.query(
      `SELECT number AS "shardNumber", planned AS experiment FROM shard, jsonb_array_elements(experiments) AS planned
       WHERE job_id = $1 AND state = 'planned' AND (planned ->> 'name') COLLATE "C" > $2
       ORDER BY (planned ->> 'name') COLLATE "C" LIMIT $3`,
      [jobId, after, limit],
    );
  }

  /** Names of up to `limit` experiments that have no outcome yet, in order, starting after `after`. */
  async plannedNames(jobId: string, after: string, limit: number): Promise<string[]> {
    const rows: { name: string }[] = await this.database.query(
      `SELECT (planned ->> 'name') COLLATE "C" AS name FROM shard, jsonb_array_elements(experiments) AS planned
       WHERE job_id = $1 AND state = 'planned' AND (planned ->> 'name') COLLATE "C" > $2 ORDER BY 1 LIMIT $3`,
      [jobId, after, limit],
    );
    return rows.map(({ name }) => name);
  }

  /** Commits under its lease that a shard is published; `errors` says, by experiment, why a record was not. Rejects with LeaseLost or Stopped. */
  async markPublished(lease: Lease, errors: ReadonlyMap<string, string>, at: Date, givenUpFor?: string): Promise<void> {
    const { jobId, shard: number } = lease;
    await inTransaction(this.database, async (transaction) => {
      await this.leases.settle(transaction, lease, givenUpFor);
      await this.outcomes.markPublishErrors(transaction, jobId, errors);
      const [marked] = await transaction.query(
        `UPDATE shard SET state = 'published', published_at = $3, publish_failed_count = ${publishFailures}
         WHERE job_id = $1 AND number = $2 AND state = 'recommended' RETURNING number`,
        [jobId, number, at],
      );
      if (marked.length === 0) throw new Stopped('nothing is left to do');
    });
  }

  /** Commits, without ending the lease, which topics have all their records of the shard and which records finally failed. Rejects with LeaseLost. */
  async noteSent(lease: Lease, topics: readonly string[], errors: ReadonlyMap<string, string>): Promise<void> {
    const { jobId, shard: number } = lease;
    await inTransaction(this.database, async (transaction) => {
      await this.leases.hold(transaction, lease);
      await this.outcomes.markPublishErrors(transaction, jobId, errors);
      await transaction.query(`UPDATE shard SET sent_topics = $3 WHERE job_id = $1 AND number = $2`, [jobId, number, topics]);
    });
  }

  /** Numbers of the shards of an ended job whose records are not published yet. */
  async unpublishedOf(jobId: string): Promise<number[]> {
    const rows: { number: number }[] = await this.database.query(
      `SELECT number FROM shard WHERE job_id = $1 AND state IN ('planned', 'recommended') ORDER BY number`,
      [jobId],
    );
    return rows.map(({ number }) => number);
  }
}
