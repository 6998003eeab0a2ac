import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Column, DataSource, Entity, type EntityManager, In, PrimaryColumn, Repository } from 'typeorm';
import { inTransaction } from '../database/database-pool.js';
import type { Experiment, Notification, Notifications } from '../experiments/experiment.js';
import { ExperimentStore, type Outcome, OutcomeStore } from '../experiments/experiment-rows.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { type BulkRequest, jobTimes, RejectedRequest, resolveRequest } from '../sizing/bulk-request.js';
import { jobNotifications } from '../sizing/notifications.js';
import { type Lease, LeaseStore, Stopped } from './lease-rows.js';

export const bulkJobStatuses = ['IN_PROGRESS', 'COMPLETED', 'FAILED'] as const;
export type BulkJobStatus = (typeof bulkJobStatuses)[number];
/** `off`: Kafka is not configured; `pending`: records or the summary are not acknowledged yet; `failed`: the summary was finally refused. */
export type PublicationState = 'off' | 'pending' | 'published' | 'failed';

export interface WebhookState {
  readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly notifications?: Notification;
}

/** One bulk job. The end of its usage is fixed when the job is created, so that repeated steps give the same numbers. */
@Entity('bulk_job')
export class BulkJobEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('jsonb')
  request!: BulkRequest;

  @Column('text', { name: 'request_hash' })
  requestHash!: string;

  /** requestId or Idempotency-Key of the caller; unique. */
  @Column('text', { name: 'dedupe_key', nullable: true })
  dedupeKey!: string | null;

  /** The record that started the job; null if a request did. */
  @Column('jsonb', { nullable: true })
  origin!: JobOrigin | null;

  /** The queue that the job belongs to (see `queueOf`). Of its unfinished jobs only the first runs. */
  @Column('text', { nullable: true })
  queue!: string | null;

  /** Whether the job waits for its turn. Then its start and its end of usage are provisional. */
  @Column('boolean', { default: false })
  waits!: boolean;

  /** Names of the datasources that the job reads from. */
  @Column('text', { array: true, default: [] })
  datasources!: string[];

  @Column('text')
  status!: BulkJobStatus;

  @Column('integer', { name: 'total_experiments', default: 0 })
  totalExperiments!: number;

  @Column('jsonb', { default: {} })
  notifications!: Notifications;

  @Column('text')
  publication!: PublicationState;

  @Column('jsonb', { nullable: true })
  webhook!: WebhookState | null;

  /** Last instant of the usage. */
  @Column('timestamptz', { name: 'usage_end' })
  usageEnd!: Date;

  @Column('timestamptz', { name: 'started_at' })
  startedAt!: Date;

  /** When the plan was committed; null before. */
  @Column('timestamptz', { name: 'planned_at', nullable: true })
  plannedAt!: Date | null;

  @Column('timestamptz', { name: 'deadline_at', nullable: true })
  deadlineAt!: Date | null;

  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt!: Date | null;

  /** The `metadata` section of GET /bulk. It is large, so it is read only when requested. */
  @Column('jsonb', { nullable: true, select: false })
  metadata!: object | null;
}

/** The Kafka record that started a job. */
export interface JobOrigin {
  readonly trigger: string;
  readonly topic: string;
  readonly partition: number;
  /** A number of up to 64 bits. */
  readonly offset: string;
}

/** Where a job that was not requested by REST comes from. */
export interface JobSource {
  readonly origin: JobOrigin;
  readonly queue?: string;
  /** Runs first in the transaction that stores the job; if it rejects, nothing is stored. */
  readonly claim: (transaction: EntityManager) => Promise<void>;
}

/** The queue of jobs with the same key in one topic of a trigger. */
export interface JobQueue {
  readonly trigger: string;
  readonly topic: string;
  readonly key: Buffer;
}

/** The name of a queue in rows. */
export function queueOf({ trigger, topic, key }: JobQueue): string {
  return JSON.stringify([trigger, topic, key.toString('base64')]);
}

/** The queue with this name. */
export function readQueue(name: string): JobQueue {
  const [trigger, topic, key] = JSON.parse(name);
  return { trigger, topic, key: Buffer.from(key, 'base64') };
}

/** Locks a queue until the transaction ends. Taken before any row of a job. */
async function lockQueue(transaction: EntityManager, queue: string): Promise<void> {
  await transaction.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [queue]);
}

/** A queue with its running job and the number of jobs behind it. */
export interface ShownQueue {
  readonly queue: string;
  readonly jobId: string;
  readonly startedAt: Date;
  readonly waiting: number;
}

export type NewBulkJob = Pick<
  BulkJobEntity,
  'id' | 'request' | 'requestHash' | 'dedupeKey' | 'datasources' | 'publication' | 'usageEnd' | 'startedAt' | 'deadlineAt'
>;

/** The result of discovery, committed in one transaction. */
export interface JobPlan {
  /** The experiments of a shard belong to one datasource. */
  readonly shards: readonly { readonly number: number; readonly experiments: readonly Experiment[] }[];
  /** Experiments that fail before they are measured because their names clash. */
  readonly failed: readonly Outcome[];
  readonly notifications: Notifications;
  readonly metadata: object;
  readonly at: Date;
}

/** A job in a list; `storedBytes` is the compressed size of its request and notifications. */
export type ListedJob = Pick<BulkJobEntity, 'id' | 'startedAt'> & { readonly storedBytes: number };

/** Number of a job's experiments in each state. */
export type JobProgress = Readonly<Record<'processed' | 'failed' | 'existing' | 'published', number>>;

/** SQL condition: the job has ended and its webhook is done. */
const isOver = `status <> 'IN_PROGRESS' AND webhook ->> 'status' IS DISTINCT FROM 'IN_PROGRESS'`;

/** SQL assignment for a job that ends: starts its webhook if it has one. */
const webhookAtEnd = `webhook = CASE WHEN request #>> '{webhook,url}' IS NOT NULL THEN '{"status":"IN_PROGRESS"}'::jsonb END`;

/** The job rows. All code locks in this order: lease, shards, job. */
@Injectable()
export class BulkJobStore {
  constructor(
    @InjectRepository(BulkJobEntity) private readonly jobs: Repository<BulkJobEntity>,
    private readonly database: DataSource,
    private readonly experiments: ExperimentStore,
    private readonly outcomes: OutcomeStore,
    private readonly leases: LeaseStore,
    @InjectSettings() private readonly settings: Pick<Settings, 'KAFKA_BOOTSTRAP_SERVERS' | 'ALIGN_END'>,
  ) {}

  /** SQL condition: nothing of the job is pending. Without Kafka, pending records do not count. */
  private get isDelivered(): string {
    return this.settings.KAFKA_BOOTSTRAP_SERVERS ? `${isOver} AND publication <> 'pending'` : isOver;
  }

  /** Counts jobs with records or a summary to send. */
  async countUnpublished(): Promise<number> {
    const [{ count }] = await this.database.query(`SELECT count(*)::int AS count FROM bulk_job WHERE publication = 'pending'`);
    return count;
  }

  /**
   * Stores a job. If its dedupe key is taken, stores nothing and returns the id of the job that has the key; rejects with a RejectedRequest if that job has
   * another request. With a source, all of it happens in one transaction with its `claim`, and the job waits if its queue has an unfinished job.
   */
  async submit(job: NewBulkJob, source?: JobSource): Promise<{ id: string; isNew: boolean; waits: boolean }> {
    if (!source) return this.insert(this.database, job);
    return inTransaction(this.database, async (transaction) => {
      await source.claim(transaction);
      if (source.queue === undefined) return this.insert(transaction, job, source);
      await lockQueue(transaction, source.queue);
      const [head] = await transaction.query(
        `SELECT id FROM bulk_job WHERE queue = $1 AND status = 'IN_PROGRESS' ORDER BY queue_position LIMIT 1`,
        [source.queue],
      );
      return this.insert(transaction, job, source, head?.id);
    });
  }

  private async insert(database: Pick<EntityManager, 'query'>, job: NewBulkJob, source?: JobSource, waitsFor?: string) {
    const { id, request, requestHash, dedupeKey, datasources, publication, usageEnd, startedAt, deadlineAt } = job;
    const waits = waitsFor !== undefined;
    const notifications = waits ? jobNotifications.waits(waitsFor) : {};
    const values = {
      id,
      request: JSON.stringify(request),
      request_hash: requestHash,
      dedupe_key: dedupeKey,
      datasources,
      status: 'IN_PROGRESS',
      publication,
      usage_end: usageEnd,
      started_at: startedAt,
      deadline_at: waits ? null : deadlineAt,
      notifications: JSON.stringify(notifications),
      origin: source ? JSON.stringify(source.origin) : null,
      queue: source?.queue ?? null,
      waits,
    };
    const inserted: unknown[] = await database.query(
      `INSERT INTO bulk_job (${Object.keys(values)}) VALUES (${Object.keys(values).map((_, index) => `$${index + 1}`)})
       ON CONFLICT (dedupe_key) DO NOTHING RETURNING id`,
      Object.values(values),
    );
    if (inserted.length > 0) return { id, isNew: true, waits };
    const [known] = await database.query('SELECT id, request_hash AS hash FROM bulk_job WHERE dedupe_key = $1', [dedupeKey]);
    if (known.hash !== requestHash) {
      throw new RejectedRequest(409, `Duplicate requestId found with different payload: ${dedupeKey} (field: requestId)`);
    }
    return { id: known.id as string, isNew: false, waits: false };
  }

  /** Counts shards that wait to be measured, and jobs that wait for their turn. */
  async countWaiting(): Promise<{ shards: number; jobs: number }> {
    const [counts] = await this.database.query(
      `SELECT (SELECT count(*)::int FROM shard JOIN bulk_job ON id = job_id WHERE state = 'planned' AND status = 'IN_PROGRESS') AS shards,
              (SELECT count(*)::int FROM bulk_job WHERE waits AND status = 'IN_PROGRESS') AS jobs`,
    );
    return counts;
  }

  /** Starts the first job of a queue if it waits, and returns its id: start, deadline and end of usage count from now on. */
  async startNext(queue: string, now: Date): Promise<string | undefined> {
    return inTransaction(this.database, async (transaction) => {
      await lockQueue(transaction, queue);
      const [head] = await transaction.query(
        `SELECT id, request, waits FROM bulk_job WHERE queue = $1 AND status = 'IN_PROGRESS'
         ORDER BY queue_position LIMIT 1 FOR NO KEY UPDATE`,
        [queue],
      );
      if (!head?.waits) return undefined;
      const { startedAt, usageEnd, deadlineAt } = jobTimes(resolveRequest(head.request), now, this.settings.ALIGN_END);
      await transaction.query(
        `UPDATE bulk_job SET waits = false, started_at = $2, usage_end = $3, deadline_at = $4, notifications = notifications - $5::text[] WHERE id = $1`,
        [head.id, startedAt, usageEnd, deadlineAt, Object.keys(jobNotifications.waits(''))],
      );
      return head.id;
    });
  }

  /** Queues whose first job waits although no other job of the queue runs: their last job ended, and the process died before it started the next. */
  async idleQueues(): Promise<string[]> {
    const rows: { queue: string }[] = await this.database.query(
      `SELECT queue FROM bulk_job WHERE queue IS NOT NULL AND status = 'IN_PROGRESS' GROUP BY queue HAVING bool_and(waits)`,
    );
    return rows.map(({ queue }) => queue);
  }

  /** Queues with an unfinished job, ordered by name, at most `limit` after the queue `after`. */
  async queues(after: string, limit: number): Promise<ShownQueue[]> {
    return this.database.query(
      `SELECT queue, (array_agg(id ORDER BY queue_position))[1] AS "jobId", (array_agg(started_at ORDER BY queue_position))[1] AS "startedAt",
              count(*)::int - 1 AS waiting
       FROM bulk_job WHERE queue IS NOT NULL AND status = 'IN_PROGRESS' AND queue COLLATE "C" > $1
       GROUP BY queue ORDER BY queue COLLATE "C" LIMIT $2`,
      [after, limit],
    );
  }

  /** The job with this dedupe key. */
  async findByKey(dedupeKey: string): Promise<BulkJobEntity | null> {
    return this.jobs.findOneBy({ dedupeKey });
  }

  /** The job with this id; null if there is none or the text is not a UUID. */
  async find(id: string): Promise<BulkJobEntity | null> {
    const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
    return isUuid ? this.jobs.findOneBy({ id }) : null;
  }

  /** The jobs with these ids that still exist, in the order of the ids. */
  async findAll(ids: readonly string[]): Promise<BulkJobEntity[]> {
    const found = new Map((await this.jobs.findBy({ id: In(ids) })).map((job) => [job.id, job]));
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  async exists(id: string): Promise<boolean> {
    return this.jobs.existsBy({ id });
  }

  /** One page of jobs, latest start first. */
  async list({ limit, status, after }: JobListQuery): Promise<ListedJob[]> {
    const query = this.jobs.createQueryBuilder('job').select('job.id', 'id').addSelect('job.started_at', 'startedAt');
    query.addSelect('pg_column_size(job.request) + pg_column_size(job.notifications)', 'storedBytes');
    query.orderBy('job.started_at', 'DESC').addOrderBy('job.id', 'DESC').limit(limit);
    if (status) query.andWhere({ status });
    if (after) query.andWhere('(job.started_at, job.id) < (:startedAt, :id)', after);
    return query.getRawMany();
  }

  /** Deletes an ended job with all its rows. Returns false while its records or webhook are pending. */
  async delete(id: string): Promise<boolean> {
    const [, deleted] = await this.database.query(`DELETE FROM bulk_job WHERE id = $1 AND ${this.isDelivered}`, [id]);
    return deleted > 0;
  }

  /** Running jobs past their deadline, with the deadline as written in the request. */
  async pastDeadline(now: Date): Promise<{ jobId: string; deadline: string }[]> {
    return this.database.query(
      `SELECT id AS "jobId", request ->> 'deadline' AS deadline FROM bulk_job WHERE status = 'IN_PROGRESS' AND deadline_at < $1`,
      [now],
    );
  }

  /** Deletes jobs that ended before `before` and have nothing pending; returns how many. */
  async deleteEndedBefore(before: Date): Promise<number> {
    const [, count] = await this.database.query(`DELETE FROM bulk_job WHERE ended_at < $1 AND ${this.isDelivered}`, [before]);
    return count;
  }

  async metadataOf(id: string): Promise<object | undefined> {
    const found = await this.jobs.findOne({ where: { id }, select: { id: true, metadata: true } });
    return found?.metadata ?? undefined;
  }

  async progressOf(id: string): Promise<JobProgress> {
    return (await this.progressOfAll([id])).get(id)!;
  }

  /** Progress by job id; all zeros for a job without shards. */
  async progressOfAll(ids: readonly string[]): Promise<Map<string, JobProgress>> {
    const rows: (JobProgress & { id: string })[] = await this.database.query(
      `SELECT job_id AS id,
              coalesce(sum(experiment_count) FILTER (WHERE state <> 'planned'), 0)::int AS processed,
              coalesce(sum(failed_count), 0)::int AS failed,
              coalesce(sum(existing_count), 0)::int AS existing,
              coalesce(sum(experiment_count - publish_failed_count) FILTER (WHERE state = 'published'), 0)::int AS published
       FROM shard WHERE job_id = ANY ($1::uuid[]) GROUP BY job_id`,
      [ids],
    );
    const none: JobProgress = { processed: 0, failed: 0, existing: 0, published: 0 };
    const found = new Map(rows.map(({ id, ...progress }) => [id, progress]));
    return new Map(ids.map((id) => [id, found.get(id) ?? none]));
  }

  /** Commits the plan under its lease. Returns whether the job ended here because it has no experiments to measure. Rejects with LeaseLost or Stopped. */
  async plan(lease: Lease, plan: JobPlan): Promise<boolean> {
    const { jobId: id } = lease;
    return inTransaction(this.database, async (transaction) => {
      await this.leases.settle(transaction, lease);
      const [job] = await transaction.query('SELECT status, planned_at FROM bulk_job WHERE id = $1 FOR NO KEY UPDATE', [id]);
      if (job?.status !== 'IN_PROGRESS' || job.planned_at !== null) throw new Stopped('the job ended');
      const planned = plan.shards.flatMap(({ experiments }) => experiments);
      const existing = await this.experiments.upsert(transaction, planned, plan.at);
      await this.insertShards(transaction, id, plan, existing);
      await transaction.query(
        `UPDATE bulk_job SET planned_at = $2, total_experiments = $3, notifications = notifications || $4::jsonb, metadata = $5 WHERE id = $1`,
        [id, plan.at, planned.length + plan.failed.length, JSON.stringify(plan.notifications), JSON.stringify(plan.metadata)],
      );
      return this.completeIfDone(transaction, id, plan.at);
    });
  }

  private async insertShards(transaction: EntityManager, id: string, plan: JobPlan, existing: ReadonlySet<string>): Promise<void> {
    for (const { number, experiments } of plan.shards) {
      const rows = experiments.map((experiment) => ({ ...experiment, existed: existing.has(experiment.name) }));
      await transaction.query(
        `INSERT INTO shard (job_id, number, datasource, experiments, state, experiment_count, existing_count, planned_at)
         VALUES ($1, $2, $3, $4, 'planned', $5, $6, $7)`,
        [id, number, rows[0]!.datasource, JSON.stringify(rows), rows.length, rows.filter(({ existed }) => existed).length, plan.at],
      );
    }
    if (plan.failed.length === 0) return;
    const number = plan.shards.length;
    await transaction.query(
      `INSERT INTO shard (job_id, number, state, experiment_count, existing_count, failed_count, processed_so_far, planned_at, recommended_at)
       VALUES ($1, $2, 'recommended', $3, 0, $3, $3, $4, $4)`,
      [id, number, plan.failed.length, plan.at],
    );
    await this.outcomes.insert(transaction, id, number, plan.failed);
  }

  /** Completes the job if every shard has its outcomes; returns whether it did. The caller's transaction holds the job's lock. */
  async completeIfDone(transaction: EntityManager, id: string, at: Date): Promise<boolean> {
    const [ended] = await transaction.query(
      `UPDATE bulk_job SET status = 'COMPLETED', ended_at = $2, ${webhookAtEnd}
       WHERE id = $1 AND status = 'IN_PROGRESS' AND planned_at IS NOT NULL
         AND NOT EXISTS (SELECT FROM shard WHERE job_id = $1 AND state = 'planned')
       RETURNING id`,
      [id, at],
    );
    return ended.length > 0;
  }

  /**
   * Ends the job as FAILED, and every experiment without an outcome. Returns false if it has already ended. With the lease of the failed step it
   * rejects with LeaseLost if another worker has taken the step.
   */
  async fail(id: string, notifications: Notifications, at: Date, lease?: Lease): Promise<boolean> {
    const reason = JSON.stringify(notifications);
    return inTransaction(this.database, async (transaction) => {
      if (lease) await this.leases.settle(transaction, lease, Object.values(notifications)[0]?.message);
      await transaction.query(`SELECT FROM shard WHERE job_id = $1 AND state = 'planned' ORDER BY number FOR UPDATE`, [id]);
      const [job] = await transaction.query('SELECT status FROM bulk_job WHERE id = $1 FOR NO KEY UPDATE', [id]);
      if (job?.status !== 'IN_PROGRESS') return false;
      await transaction.query(
        `INSERT INTO outcome (job_id, experiment_name, shard_number, experiment, existed, status, notifications)
         SELECT job_id, planned ->> 'name', number, planned - 'existed', (planned ->> 'existed')::boolean, 'FAILED', $2
         FROM shard, jsonb_array_elements(experiments) AS planned WHERE job_id = $1 AND state = 'planned'`,
        [id, reason],
      );
      await transaction.query(
        `UPDATE shard SET state = 'recommended', experiments = NULL, failed_count = experiment_count, recommended_at = $2,
                processed_so_far = (SELECT total_experiments FROM bulk_job WHERE id = $1)
         WHERE job_id = $1 AND state = 'planned'`,
        [id, at],
      );
      await transaction.query(
        `UPDATE bulk_job SET status = 'FAILED', ended_at = $2, notifications = notifications || $3::jsonb, ${webhookAtEnd} WHERE id = $1`,
        [id, at, reason],
      );
      return true;
    });
  }

  /** Commits the webhook's result under its lease. */
  async setWebhook(lease: Lease, webhook: WebhookState, givenUpFor?: string): Promise<void> {
    await inTransaction(this.database, async (transaction) => {
      await this.leases.settle(transaction, lease, givenUpFor);
      await transaction.update(BulkJobEntity, { id: lease.jobId }, { webhook: webhook as object });
    });
  }

  /** Commits under its lease that the job is published, or that its summary failed; then `notifications` say why. */
  async setPublication(lease: Lease, publication: 'published' | 'failed', notifications: Notifications = {}): Promise<void> {
    await inTransaction(this.database, async (transaction) => {
      await this.leases.settle(transaction, lease, Object.values(notifications)[0]?.message);
      await transaction.query(
        `UPDATE bulk_job SET publication = $2, notifications = notifications || $3::jsonb WHERE id = $1 AND publication = 'pending'`,
        [lease.jobId, publication, JSON.stringify(notifications)],
      );
    });
  }
}

/** Which jobs GET /bulk/jobs requests, latest first. */
export interface JobListQuery {
  readonly limit: number;
  readonly status?: BulkJobStatus;
  /** The last job of the previous page. */
  readonly after?: { readonly startedAt: Date; readonly id: string };
}
