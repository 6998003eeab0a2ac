import type pg from 'pg';
import type { StepMoment } from '../../src/bulk/running-leases.js';
import { type CollectedRecord, topics } from '../collect-records.js';
import { faultsOfRecords } from '../job-records.js';
import type { ReceivedCall } from '../webhook-receiver.js';

/** Violations by kind; all lists are empty if there are none. */
export interface Violations {
  /** A missing job, container record, summary or webhook call. */
  readonly lost: string[];
  /** Two different records for the same thing, a second commit, or a commit without the lease. */
  readonly twice: string[];
  /** A job that does not end, or a record that is not published. */
  readonly stuck: string[];
}

/** What was observed from outside. */
export interface Seen {
  readonly records: readonly CollectedRecord[];
  readonly moments: readonly StepMoment[];
  /** Jobs whose cancel was accepted. */
  readonly cancelled: ReadonlySet<string>;
  /** Calls of a job's webhook. */
  readonly calls: (jobId: string) => readonly ReceivedCall[];
}

/** Compares the accepted jobs with their rows, records and webhook calls. */
export async function checkJobs(database: pg.Client, jobIds: readonly string[], seen: Seen): Promise<Violations> {
  const all: Violations = { lost: [], twice: [], stuck: [] };
  for (const jobId of jobIds) {
    const found = await checkJob(database, jobId, seen);
    for (const kind of ['lost', 'twice', 'stuck'] as const) all[kind].push(...found[kind].map((what) => `job ${jobId}: ${what}`));
  }
  all.twice.push(...checkCommits(seen.moments));
  return all;
}

async function checkJob(database: pg.Client, jobId: string, seen: Seen): Promise<Violations> {
  const { rows } = await database.query('SELECT * FROM bulk_job WHERE id = $1', [jobId]);
  const job = rows[0];
  if (!job) return { lost: ['its row is gone'], twice: [], stuck: [] };
  const outcomes = (await database.query('SELECT experiment_name AS name, status, publish_error FROM outcome WHERE job_id = $1', [jobId]))
    .rows;
  const shards = (await database.query('SELECT number, state FROM shard WHERE job_id = $1', [jobId])).rows;
  const stuck = [
    ...(job.status === 'IN_PROGRESS' ? ['it has not ended'] : []),
    ...(job.publication === 'published' ? [] : [`its publication is ${job.publication}`]),
    ...shards.filter(({ state }) => state !== 'published').map(({ number, state }) => `shard ${number} is ${state}`),
    ...(job.webhook?.status === 'COMPLETED' ? [] : [`its webhook is ${job.webhook?.status}`]),
  ];
  const lost = outcomes.length === job.total_experiments ? [] : [`${outcomes.length} outcomes of ${job.total_experiments} experiments`];
  lost.push(
    ...outcomes.filter(({ publish_error: error }) => error).map(({ name, publish_error: error }) => `${name} is not published: ${error}`),
  );
  const calls = seen.calls(jobId);
  if (calls.length === 0) lost.push('its webhook was never called');

  const records = seen.records.filter(({ value }) => value.includes(jobId));
  const names = outcomes.map(({ name }) => name);
  const ofExperiments = records.filter(({ topic, key }) => topic === topics.summary || key !== jobId);
  const faults = faultsOfRecords(ofExperiments, names);
  lost.push(...faults.filter((fault) => /^(no|0) record/.test(fault)));
  const twice = faults.filter((fault) => !/^(no|0) record/.test(fault));
  if (seen.cancelled.has(jobId) && job.status !== 'FAILED') lost.push(`its cancel: it is ${job.status}`);
  const failures = new Set(records.filter(({ topic, key }) => topic === topics.error && key === jobId).map(({ value }) => value));
  if (job.status === 'FAILED' && failures.size === 0) lost.push('no error record of the failed job');
  if (failures.size > 1) twice.push(`${failures.size} different error records of the job`);
  const summary = records.find(({ topic }) => topic === topics.summary);
  if (summary && JSON.parse(summary.value).summary.status !== job.status) twice.push('the summary tells another end than the row');
  if (new Set(calls.map(({ body }) => withoutProgress(body))).size > 1) twice.push('different bodies for its webhook');
  return { lost, twice, stuck };
}

/** A webhook body without its publication counters, which change while the webhook is called. */
function withoutProgress(body: string): string {
  const moving = ['status', 'status_history', 'published_experiments'];
  return JSON.stringify(JSON.parse(body, (key, value) => (moving.includes(key) ? undefined : value)));
}

/** Checks that each row is committed at most once, and only under its latest lease. */
function checkCommits(moments: readonly StepMoment[]): string[] {
  const latest = new Map<string, number>();
  const committed = new Set<string>();
  const faults: string[] = [];
  for (const { step, point, jobId, shard, fence } of moments) {
    const row = `${step} of job ${jobId}, shard ${shard}`;
    if (point === 'leased') latest.set(row, Math.max(fence, latest.get(row) ?? 0));
    if (point !== 'committed') continue;
    if (committed.has(row)) faults.push(`${row} is committed twice`);
    if (fence < (latest.get(row) ?? 0)) faults.push(`${row} is committed under lease ${fence}, the latest is ${latest.get(row)}`);
    committed.add(row);
  }
  return faults;
}
