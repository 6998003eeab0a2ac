import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { inTransaction } from '../database/database-pool.js';
import { type Step, type StepDefinition, steps, type WakeUp } from './steps.js';

/** A lease that is not renewed ends after this long: then another worker takes the row. */
const leaseSeconds = 10;

/** Wake-ups that are put back at once for a step; the oldest jobs first. */
const mostWakeUps = 500;

/** Two workers that choose the same row at the same moment: the loser chooses again, this often. */
const mostTries = 20;

/** A step's shard number where its unit is the whole job. */
const wholeJob = -1;

/** The right to work on one row until somebody else takes it. */
export interface Lease {
  readonly step: Step;
  readonly jobId: string;
  /** -1 where the step's unit is the whole job. */
  readonly shard: number;
  /** Fencing number: it rises with each lease of the row, and only the latest may commit. */
  readonly fence: number;
  /** Attempts on this row so far that count, this one included. */
  readonly attempts: number;
  /** Datasources that the step reads from; empty where it reads from none. */
  readonly datasources: readonly string[];
  /** How the attempt before failed. */
  readonly lastError?: string;
}

/** Another worker has taken the row; what this one did is void. */
export class LeaseLost extends Error {
  constructor({ step, jobId, shard }: Lease) {
    super(`The lease of ${step} ${jobId} ${shard} is lost.`);
    this.name = 'LeaseLost';
  }
}

/** The connection broke during the commit of a lease, so nobody knows whether it was committed. */
export class LeaseUnsure extends Error {
  constructor(
    readonly lease: Lease,
    /** `held_until` of the row if it was committed, as PostgreSQL writes it. */
    readonly heldUntil: string,
    cause: unknown,
  ) {
    super(
      `It is unknown whether the lease of ${lease.step} ${lease.jobId} was committed: ${cause}. It is released as soon as PostgreSQL can be reached.`,
      { cause },
    );
    this.name = 'LeaseUnsure';
  }
}

/** A step was stopped from outside, or found nothing to do; it writes nothing. */
export class Stopped extends Error {
  constructor(readonly why: 'the job ended' | 'nothing is left to do' | 'the process shuts down') {
    super(`Stopped: ${why}.`);
    this.name = 'Stopped';
  }
}

/** How an attempt ended without a result. */
export interface Release {
  /** Whether it stays in the row's count of attempts. */
  readonly counts: boolean;
  /** Nobody takes the row for so long. */
  readonly pauseMs: number;
  readonly reason?: string;
  /** Of an unsure lease: its `held_until`. The row changes only if it still has it. */
  readonly unsureUntil?: string;
}

/** The `attempt` rows: who works on what. All times are the database's. */
@Injectable()
export class LeaseStore {
  constructor(private readonly database: DataSource) {}

  /**
   * Takes the row whose turn it is: of the job that was served longest ago (`served`: jobs by their last turn, latest last), its first free shard.
   * Skips rows that read from any of the `silent` datasources. Returns undefined if no row is free, or if other workers were quicker 20 times.
   * Rejects with LeaseUnsure where the connection broke at the last moment.
   */
  async next(step: Step, silent: readonly string[], served: readonly string[]): Promise<Lease | undefined> {
    for (let tries = 0; tries < mostTries; tries++) {
      const taken = await this.take(step, silent, served);
      if (taken !== 'raced') return taken;
    }
    return undefined;
  }

  /** In a transaction, so that a lease whose reply is lost is rolled back. Only the reply to its commit may be lost: then it throws LeaseUnsure. */
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
   * Ends a lease with its result, in the transaction that commits this result: the row stays locked until then, and nobody can take it afterwards.
   * Rejects with LeaseLost when somebody else has taken the row; the transaction must then write nothing. `givenUpFor` is kept in the row.
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

  /** Keeps the row to this lease until the transaction ends. Rejects with LeaseLost when somebody else has taken it. */
  async hold(transaction: EntityManager, lease: Lease): Promise<void> {
    const { jobId, step, shard, fence } = lease;
    const held: unknown[] = await transaction.query(
      'SELECT FROM attempt WHERE job_id = $1 AND step = $2 AND shard = $3 AND fence = $4 FOR UPDATE',
      [jobId, step, shard, fence],
    );
    if (held.length === 0) throw new LeaseLost(lease);
  }

  /** Ends a lease without a result. Of a lost lease only the count is given back; the rest is its successor's. A repeat changes nothing, except that it lowers the count of a lost lease again. */
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

  /** Renews leases; returns for each whether it still holds. `ended`: it does and is not settled, but its job has ended elsewhere. */
  async renew(leases: readonly Lease[]): Promise<('held' | 'lost' | 'ended')[]> {
    // Rows that are being committed are locked, and need no renewal.
    const rows: { held: boolean | null; ended: boolean | null }[] = await this.database.query(
      `WITH renewed AS (
         UPDATE attempt SET held_until = now() + interval '${leaseSeconds} seconds' WHERE (job_id, step, shard) IN (
           SELECT job_id, step, shard FROM attempt JOIN ${leasesGiven} USING (job_id, step, shard)
           WHERE fence = given_fence AND held_until < 'infinity' FOR NO KEY UPDATE OF attempt SKIP LOCKED)
       )
       SELECT fence = given_fence AS held, held_until < 'infinity' AND status <> 'IN_PROGRESS' AS ended FROM ${leasesGiven}
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

  /** Rows that wait for a step and that nobody holds, the oldest jobs first; at most 500. */
  async waiting(step: Step): Promise<WakeUp[]> {
    const rows: { job_id: string; shard: number }[] = await this.database.query(
      `SELECT id AS job_id, shard FROM ${freeRows(step, false)} WHERE ${steps[step].jobs} ORDER BY started_at, shard LIMIT ${mostWakeUps}`,
      [[]],
    );
    return rows.map(({ job_id: jobId, shard }) => (shard === wholeJob ? { jobId } : { jobId, shard }));
  }
}

/** The leases that a statement is given as four arrays. */
const leasesGiven = `unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[])
  WITH ORDINALITY AS given (job_id, step, shard, given_fence, position)`;

/**
 * SQL: when a lease ends that nobody released. Rows whose worker has died twice or more come back at different times, up to 16 s apart, so that a row that
 * kills its worker no longer takes the others with it.
 */
const heldUntil = `attempt.held_until + CASE WHEN attempt.count < 2 THEN interval '0' ELSE
  (hashtext(attempt.job_id::text || attempt.step || attempt.shard || attempt.fence) & 16383) * interval '1 millisecond' END`;

/** Jobs beside their rows that are free for a step; `$1` names the silent datasources. */
function freeRows(step: Step, onlyFirst: boolean): string {
  const { shards, waitsFor }: StepDefinition = steps[step];
  const free = (
    shard: string,
  ) => `NOT EXISTS (SELECT FROM attempt WHERE attempt.job_id = id AND step = '${step}' AND attempt.shard = ${shard}
                                   AND (${heldUntil} > now() OR not_before > now()))`;
  const names = shards ? 'ARRAY[shard.datasource]' : 'bulk_job.datasources';
  const asked = waitsFor === 'datasource' ? names : `'{}'::text[]`;
  const rows = shards
    ? `SELECT number AS shard, ${asked} AS datasources FROM shard
       WHERE job_id = id AND state = '${shards}' AND NOT ${asked} && $1::text[] AND ${free('number')} ORDER BY number`
    : `SELECT ${wholeJob} AS shard, ${asked} AS datasources WHERE NOT ${asked} && $1::text[] AND ${free(String(wholeJob))}`;
  return `bulk_job CROSS JOIN LATERAL (${rows}${onlyFirst ? ' LIMIT 1' : ''}) AS waits`;
}

/** Chooses the row whose turn it is and leases it. No row: nothing waits; a row without fence: another worker was quicker. */
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
