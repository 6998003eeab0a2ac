import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { owesNothing } from './bulk-job-store.js';
import type { Step, WakeUp } from './queue/steps.js';

/** Wake-ups that one round puts back for a step; the oldest jobs first. */
const mostAtOnce = 500;

/** Rows that wait for each step. */
const waiting: Readonly<Record<Step, string>> = {
  discover: `SELECT id AS "jobId" FROM bulk_job WHERE status = 'IN_PROGRESS' AND planned_at IS NULL ORDER BY started_at`,
  measure: `SELECT job_id AS "jobId", number AS shard FROM shard JOIN bulk_job ON id = job_id
            WHERE status = 'IN_PROGRESS' AND state = 'planned' ORDER BY started_at, number`,
  publish: `SELECT job_id AS "jobId", number AS shard FROM shard JOIN bulk_job ON id = job_id
            WHERE publication = 'pending' AND state = 'recommended' ORDER BY started_at, number`,
  finish: `SELECT id AS "jobId" FROM bulk_job WHERE publication = 'pending' AND status <> 'IN_PROGRESS'
           AND NOT EXISTS (SELECT FROM shard WHERE job_id = id AND state <> 'published') ORDER BY started_at`,
  notify: `SELECT id AS "jobId" FROM bulk_job WHERE webhook ->> 'status' = 'IN_PROGRESS' ORDER BY ended_at`,
};

/** What the rows say is still to be done. */
@Injectable()
export class ReconcilerStore {
  constructor(private readonly database: DataSource) {}

  /** Wake-ups that the rows ask for, whether or not the queue holds them. */
  async waitingFor(step: Step): Promise<WakeUp[]> {
    return this.database.query(`${waiting[step]} LIMIT ${mostAtOnce}`);
  }

  /** Jobs that run past their deadline, with the deadline as it was asked for. */
  async pastDeadline(now: Date): Promise<{ jobId: string; deadline: string }[]> {
    return this.database.query(
      `SELECT id AS "jobId", request ->> 'deadline' AS deadline FROM bulk_job WHERE status = 'IN_PROGRESS' AND deadline_at < $1`,
      [now],
    );
  }

  /** Deletes jobs that ended before `before` and owe nobody anything any more; returns how many. */
  async deleteEndedBefore(before: Date): Promise<number> {
    const [, count] = await this.database.query(`DELETE FROM bulk_job WHERE ended_at < $1 AND ${owesNothing}`, [before]);
    return count;
  }
}
