import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Experiment } from '../experiments/experiment.js';
import { type Outcome, OutcomeStore } from '../experiments/outcome-store.js';
import { BulkJobStore } from './bulk-job-store.js';
import { type PlannedExperiment, ShardEntity } from './shard.entity.js';

export interface PlannedShard {
  readonly number: number;
  readonly experiments: readonly Experiment[];
}

/** A planned shard that this worker may compute until somebody leases it anew. */
export interface ShardLease {
  readonly jobId: string;
  readonly number: number;
  readonly attempt: number;
  readonly experiments: readonly PlannedExperiment[];
}

/** The shard rows. Locks are taken in one order everywhere: shards, then their job. */
@Injectable()
export class ShardStore {
  constructor(
    private readonly database: DataSource,
    private readonly jobs: BulkJobStore,
    private readonly outcomes: OutcomeStore,
  ) {}

  /** Takes a shard for computing; undefined when it has its outcomes already. Whoever held it before can no longer commit. */
  async lease(jobId: string, number: number): Promise<ShardLease | undefined> {
    const [rows] = await this.database.query(
      `UPDATE shard SET attempt = attempt + 1 WHERE job_id = $1 AND number = $2 AND state = 'planned' RETURNING attempt, experiments`,
      [jobId, number],
    );
    return rows.length === 0 ? undefined : { jobId, number, attempt: rows[0].attempt, experiments: rows[0].experiments };
  }

  /** Commits a shard's outcomes and, with the last one, the job's end. `stale`: the lease was lost, nothing was written. */
  async commit(lease: ShardLease, outcomes: readonly Outcome[], at: Date): Promise<'stale' | 'committed' | 'job-ended'> {
    const { jobId, number, attempt } = lease;
    const failed = outcomes.filter(({ status }) => status === 'FAILED').length;
    return this.database.transaction(async (transaction) => {
      const [held] = await transaction.query(
        `UPDATE shard SET state = 'recommended', experiments = NULL, failed_count = $4, recommended_at = $5
         WHERE job_id = $1 AND number = $2 AND attempt = $3 AND state = 'planned' RETURNING number`,
        [jobId, number, attempt, failed, at],
      );
      if (held.length === 0) return 'stale';
      await this.outcomes.insert(transaction, jobId, number, outcomes);
      await transaction.query('SELECT FROM bulk_job WHERE id = $1 FOR NO KEY UPDATE', [jobId]);
      await transaction.query(
        `UPDATE shard SET processed_so_far = (SELECT sum(experiment_count) FROM shard WHERE job_id = $1 AND state <> 'planned')
         WHERE job_id = $1 AND number = $2`,
        [jobId, number],
      );
      return (await this.jobs.completeIfDone(transaction, jobId, at)) ? 'job-ended' : 'committed';
    });
  }

  async find(jobId: string, number: number): Promise<ShardEntity | null> {
    return this.database.manager.findOneBy(ShardEntity, { jobId, number });
  }

  /** Every shard of a job without its experiments, by number. */
  async ofJob(jobId: string): Promise<Map<number, ShardEntity>> {
    const shards = await this.database.manager
      .createQueryBuilder(ShardEntity, 'shard')
      .select(['shard.jobId', 'shard.number', 'shard.state', 'shard.plannedAt', 'shard.recommendedAt', 'shard.publishedAt'])
      .where({ jobId })
      .orderBy('shard.number')
      .getMany();
    return new Map(shards.map((shard) => [shard.number, shard]));
  }

  /** The experiment of this name, while it has no outcome. */
  async plannedNamed(jobId: string, name: string): Promise<{ shardNumber: number; experiment: PlannedExperiment } | undefined> {
    const [found] = await this.database.query(
      `SELECT number AS "shardNumber", planned AS experiment FROM shard, jsonb_array_elements(experiments) AS planned
       WHERE job_id = $1 AND state = 'planned' AND planned ->> 'name' = $2`,
      [jobId, name],
    );
    return found;
  }

  /** Experiments of a job without an outcome whose names come after `after`, by name. */
  async plannedPage(jobId: string, after: string, limit: number): Promise<{ shardNumber: number; experiment: PlannedExperiment }[]> {
    return this.database.query(
      `SELECT number AS "shardNumber", planned AS experiment FROM shard, jsonb_array_elements(experiments) AS planned
       WHERE job_id = $1 AND state = 'planned' AND (planned ->> 'name') COLLATE "C" > $2
       ORDER BY (planned ->> 'name') COLLATE "C" LIMIT $3`,
      [jobId, after, limit],
    );
  }

  /** Notes that every record of a shard is acknowledged, or why not; false when another worker did so before. */
  async markPublished(jobId: string, number: number, errors: ReadonlyMap<string, string>, at: Date): Promise<boolean> {
    return this.database.transaction(async (transaction) => {
      const [marked] = await transaction.query(
        `UPDATE shard SET state = 'published', published_at = $3, publish_failed_count = $4
         WHERE job_id = $1 AND number = $2 AND state = 'recommended' RETURNING number`,
        [jobId, number, at, errors.size],
      );
      if (marked.length > 0) await this.outcomes.markPublishErrors(transaction, jobId, errors);
      return marked.length > 0;
    });
  }

  async areAllPublished(jobId: string): Promise<boolean> {
    const [{ all }] = await this.database.query(
      `SELECT NOT EXISTS (SELECT FROM shard WHERE job_id = $1 AND state <> 'published') AS "all"`,
      [jobId],
    );
    return all;
  }
}
