import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { inTransaction } from '../database/database-pool.js';
import { type Step, type StepDefinition, steps, type WakeUp } from './steps.js';

/** A lease that is not renewed expires after this long; another worker can then take the row. */
const leaseSeconds = 10;

/** Maximum wake-ups that are restored at once per step; the oldest jobs first. */
const maxWakeUps = 500;

/** When several workers choose the same row, the losers choose again, up to this often. */
const maxTries = 20;

/** Shard number in the leases of steps that work on whole jobs. */
const wholeJob = -1;

/** The right to work on one row until another worker takes it. */
export interface Lease {
  readonly step: Step;
  readonly jobId: string;
  /** -1 if the step works on the whole job. */
  readonly shard: number;
  /** Fencing token: it rises with each lease of the row, and only the latest lease may commit. */
  readonly fence: number;
  /** Counted attempts on this row so far, including this one. */
  readonly attempts: number;
  /** Datasources that the step reads from. */
  readonly datasources: readonly string[];
  /** Why the previous attempt failed. */
  readonly lastError?: string;
}

/** Another worker has taken the row; this worker's result is discarded. */
export class LeaseLost extends Error {
  constructor({ step, jobId, shard }: Lease) {
    super(`The lease of ${step} ${jobId} ${shard} was lost.`);
    this.name = 'LeaseLost';
  }
}

/** The connection broke during the commit of a lease, so it is unknown whether it was committed. */
export class LeaseUnsure extends Error {
  constructor(
    readonly lease: Lease,
    /** `held_until` of the row if it was committed, as PostgreSQL writes it. */
    readonly heldUntil: string,
    cause: unknown,
  ) {
    super(
      `It is unknown whether the lease of ${lease.step} ${lease.jobId} was committed: ${cause}. It will be released as soon as PostgreSQL can be reached.`,
      { cause },
    );
    this.name = 'LeaseUnsure';
  }
}

/** A step was stopped or found nothing to do; it writes nothing. */
export class Stopped extends Error {
  constructor(readonly why: 'the job ended' | 'nothing is left to do' | 'the process shuts down') {
    super(`Stopped: ${why}.`);
    this.name = 'Stopped';
  }
}

/** How an attempt ended without a result. */
export interface Release {
  /** Whether the attempt stays in the row's count. */
  readonly counts: boolean;
  /** No worker takes the row for this long. */
  readonly pauseMs: number;
  readonly reason?: string;
  /** `held_until` of an unsure lease; the row changes only if it still has this value. */
  readonly unsureUntil?: string;
}

/** The `attempt` rows: which worker works on what. All times come from the database's clock. */
@Injectable()
export class LeaseStore {
  constructor(private readonly database: DataSource) {}

  /**
   * Leases the next row in turn: the first free shard of the job that was served longest ago (`served` lists jobs by their last turn, latest last).
   * Skips rows that read from any of the `silent` datasources. Returns undefined if no row is free, or if other workers were faster 20 times.
   * Rejects with LeaseUnsure if the connection breaks during the commit.
   */
  async next(step: Step, silent: readonly string[], served: readonly string[]): Promise<Lease | undefined> {
    for (let tries = 0; tries < maxTries; tries++) {
      const taken = await this.take(step, silent, served);
      if (taken !== 'raced') return taken;
    }
    return undefined;
  }

  /** Uses a transaction, so that a lease is rolled back if its reply is lost. If only the reply to the commit is lost, throws LeaseUnsure. */
  private async take(step: Step, silent: readonly string[], served: readonly string[]): Promise<Lease | 'raced' | undefined> {
    let unsure: { lease: Lease; heldUntil: string } | undefined;
    try {
      return await inTransaction(this.database, async (transaction) => {
        const [row] = await transaction.query(takeFirst(step), [silent, served]);
        if (!row) return undefined;
        if (row.fence === null) return 'raced';
        const { job_id: jobId, shard, fence, count, datasources, last_error, held_until: heldUntil } = row;
        const lease = { step, jobId, shard, fence, attempts: count, datasources, lastError: last_error ?? undefined };
        unsure = { lease, heldUntil };
        return lease;
      });
    } catch (error) {
      throw unsure ? new LeaseUnsure(unsure.lease, unsure.heldUntil, error) : error;
    }
  }

  /**
   * Ends a lease in the transaction that commits its result. The row stays locked until the commit; afterwards no worker can take it.
   * Rejects with LeaseLost if another worker has taken the row; the transaction must then write nothing. Stores `givenUpFor` in the row.
   */
  async settle(transaction: EntityManager, lease: Lease, givenUpFor?: string): Promise<void> {
    const { jobId, step, shard, fence } = lease;
    const [settled] = await transaction.query(
      `UPDATE attempt SET held_until = 'infinity', last_error = coalesce($5, last_error)
       WHERE job_id = $1 AND step = $2 AND shard = $3 AND fence = $4 RETURNING fence`,
      [jobId, step, shard, fence, givenUpFor ?? null],
    );
    if (settled.length === 0) throw new LeaseLost(lease);
  }

  /** Locks the row for this lease until the transaction ends. Rejects with LeaseLost if another worker has taken the row. */
  async hold(transaction: EntityManager, lease: Lease): Promise<void> {
    const { jobId, step, shard, fence } = lease;
    const held: unknown[] = await transaction.query(
      'SELECT FROM attempt WHERE job_id = $1 AND step = $2 AND shard = $3 AND fence = $4 FOR UPDATE',
      [jobId, step, shard, fence],
    );
    if (held.length === 0) throw new LeaseLost(lease);
  }

  /**
   * Ends a lease without a result. For a lost lease it only lowers the count, because the row belongs to its successor. A second call changes nothing,
   * except that it lowers the count of a lost lease again.
   */
  async release({ jobId, step, shard, fence }: Lease, { counts, pauseMs, reason, unsureUntil }: Release): Promise<void> {
    await this.database.query(
      `UPDATE attempt SET
         count = greatest(count - $5::integer, 0),
         held_until = CASE WHEN fence = $4 THEN NULL ELSE held_until END,
         not_before = CASE WHEN fence = $4 THEN now() + $6 * interval '1 millisecond' ELSE not_before END,
         last_error = CASE WHEN fence = $4 THEN coalesce($7, last_error) ELSE last_error END
       WHERE job_id = $1 AND step = $2 AND shard = $3 AND NOT (fence = $4 AND held_until IS NULL)
         AND ($8::timestamptz IS NULL OR (fence = $4 AND held_until = $8::timestamptz))`,
      [jobId, step, shard, fence, counts ? 0 : 1, pauseMs, reason ?? null, unsureUntil ?? null],
    );
  }

  /** Renews leases and returns the state of each. `ended`: it holds and is not settled, but its job has ended. */
  async renew(leases: readonly Lease[]): Promise<('held' | 'lost' | 'ended')[]> {
    // Rows that are being committed are locked and need no renewal.
    const rows: { held: boolean | null; ended: boolean | null }[] = await this.database.query(
      `WITH renewed AS (
         UPDATE attempt SET held_until = now() + interval '${leaseSeconds} seconds' WHERE (job_id, step, shard) IN (
           SELECT job_id, step, shard FROM attempt JOIN ${givenLeases} USING (job_id, step, shard)
           WHERE fence = given_fence AND held_until < 'infinity' FOR NO KEY UPDATE OF attempt SKIP LOCKED)
       )
       SELECT fence = given_fence AS held, held_until < 'infinity' AND status <> 'IN_PROGRESS' AS ended FROM ${givenLeases}
       LEFT JOIN attempt USING (job_id, step, shard) LEFT JOIN bulk_job ON id = job_id ORDER BY position`,
      [
        leases.map(({ jobId }) => jobId),
        leases.map(({ step }) => step),
        leases.map(({ shard }) => shard),
        leases.map(({ fence }) => fence),
      ],
    );
    return rows.map(({ held, ended }) => (!held ? 'lost' : ended ? 'ended' : 'held'));
  }

  /** Free rows that wait for a step, the oldest jobs first; at most 500. */
  async waiting(step: Step): Promise<WakeUp[]> {
    const rows: { job_id: string; shard: number }[] = await this.database.query(
      `SELECT id AS job_id, shard FROM ${freeRows(step, false)} WHERE ${steps[step].jobs} ORDER BY started_at, shard LIMIT ${maxWakeUps}`,
      [[]],
    );
    return rows.map(({ job_id: jobId, shard }) => (shard === wholeJob ? { jobId } : { jobId, shard }));
  }
}

/** SQL: a table of the leases that a statement gets as four arrays. */
const givenLeases = `unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[])
  WITH ORDINALITY AS given (job_id, step, shard, given_fence, position)`;

/**
 * SQL: when a lease expires that was not released. Rows whose worker has died at least twice return at different times, up to 16 s apart, so that a row
 * that kills its worker does not affect the others.
 */
const heldUntil = `attempt.held_until + CASE WHEN attempt.count < 2 THEN interval '0' ELSE
  (hashtext(attempt.job_id::text || attempt.step || attempt.shard || attempt.fence) & 16383) * interval '1 millisecond' END`;

/** SQL: jobs joined with their free rows for a step; `$1` lists the silent datasources. */
function freeRows(step: Step, onlyFirst: boolean): string {
  const { shards, waitsFor }: StepDefinition = steps[step];
  const free = (
    shard: string,
  ) => `NOT EXISTS (SELECT FROM attempt WHERE attempt.job_id = id AND step = '${step}' AND attempt.shard = ${shard}
                                   AND (${heldUntil} > now() OR not_before > now()))`;
  const names = shards ? 'ARRAY[shard.datasource]' : 'bulk_job.datasources';
  const datasources = waitsFor === 'datasource' ? names : `'{}'::text[]`;
  const rows = shards
    ? `SELECT number AS shard, ${datasources} AS datasources FROM shard
       WHERE job_id = id AND state = '${shards}' AND NOT ${datasources} && $1::text[] AND ${free('number')} ORDER BY number`
    : `SELECT ${wholeJob} AS shard, ${datasources} AS datasources WHERE NOT ${datasources} && $1::text[] AND ${free(String(wholeJob))}`;
  return `bulk_job CROSS JOIN LATERAL (${rows}${onlyFirst ? ' LIMIT 1' : ''}) AS waits`;
}

/** SQL: leases the next row in turn. Returns no row if nothing waits, and a row without a fence if another worker was faster. */
function takeFirst(step: Step): string {
  return `
    WITH chosen AS MATERIALIZED (
      SELECT id AS job_id, shard, waits.datasources FROM ${freeRows(step, true)} WHERE ${steps[step].jobs}
      ORDER BY array_position($2::uuid[], id) NULLS FIRST, started_at, id LIMIT 1
    ), taken AS (
      INSERT INTO attempt (job_id, step, shard, fence, count, held_until)
      SELECT job_id, '${step}', shard, 1, 1, now() + interval '${leaseSeconds} seconds' FROM chosen
      ON CONFLICT (job_id, step, shard) DO UPDATE
        SET fence = attempt.fence + 1, count = attempt.count + 1, held_until = excluded.held_until, not_before = NULL
        WHERE (${heldUntil} <= now()) IS NOT FALSE AND (attempt.not_before <= now()) IS NOT FALSE
      RETURNING fence, count, last_error, held_until::text AS held_until
    )
    SELECT chosen.*, taken.* FROM chosen LEFT JOIN taken ON true`;
}
