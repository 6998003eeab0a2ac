import { Injectable } from '@nestjs/common';
import type { ExperimentDocument } from '../experiments/experiment.js';
import { OutcomeStore } from '../experiments/experiment-rows.js';
import { cutBatches } from '../publication/publisher.js';
import { RejectedRequest } from '../sizing/bulk-request.js';
import { type BulkJobEntity, BulkJobStore, type JobListQuery, type ListedJob } from './job-rows.js';
import { type ShardEntity, ShardStore } from './shard-rows.js';
import { showOutcome, showPlanned, showSummary } from './show-job.js';

/** Number of experiments in a job's first page, before their size is known, and the maximum for later pages. */
const firstPage = 5;
const maxPage = 200;

/** Target size of a page, in bytes of rendered JSON: a response keeps one page in memory. */
const pageBytes = 4_000_000;

/** Size of an experiment's document without its recommendations and notifications. */
const envelopeBytes = 2_000;

/** Limits of one batch while a list of jobs is streamed: jobs, and bytes of their rows in PostgreSQL, which compresses them to a third or less. */
const batchJobs = 20;
const batchBytes = 1_000_000;

/** Which experiments of a job to read: at most `limit`, ordered by name, starting after `after`. */
export interface ExperimentRange {
  readonly withRecommendations: boolean;
  readonly after?: string;
  readonly limit?: number;
  /** Shards that supply the times shown. If absent, they are read anew for each page. */
  readonly shards?: ReadonlyMap<number, ShardEntity>;
}

/** Assembles jobs from their rows for REST and webhooks. */
@Injectable()
export class JobReader {
  constructor(
    private readonly store: BulkJobStore,
    private readonly shardRows: ShardStore,
    private readonly outcomes: OutcomeStore,
  ) {}

  async summary(job: BulkJobEntity) {
    return showSummary(job, await this.store.progressOf(job.id));
  }

  /** Summaries of the requested jobs, streamed with bounded memory; `last` is the last job of the page if more follow. */
  async jobs(query: JobListQuery): Promise<{ jobs: AsyncIterable<object>; last?: ListedJob }> {
    const found = await this.store.list({ ...query, limit: query.limit + 1 });
    const shown = found.slice(0, query.limit);
    return { jobs: this.summaries(shown), last: found.length > query.limit ? shown.at(-1) : undefined };
  }

  private async *summaries(shown: readonly ListedJob[]): AsyncGenerator<object> {
    const bytesOf = ({ storedBytes }: ListedJob) => Math.max(storedBytes, batchBytes / batchJobs);
    for (const batch of cutBatches(shown, bytesOf, batchBytes)) {
      const page = batch.map(({ id }) => id);
      const [jobs, progress] = await Promise.all([this.store.findAll(page), this.store.progressOfAll(page)]);
      // Jobs deleted meanwhile are left out.
      for (const job of jobs) yield showSummary(job, progress.get(job.id)!);
    }
  }

  async metadata(job: BulkJobEntity): Promise<object | undefined> {
    return this.store.metadataOf(job.id);
  }

  /** The shards of a job, keyed by number. */
  async shards(job: BulkJobEntity): Promise<ReadonlyMap<number, ShardEntity>> {
    return this.shardRows.ofJob(job.id);
  }

  /** Names of a job's experiments: at most `limit`, in order, starting after `after`. They do not change once the job is planned. */
  async names(job: BulkJobEntity, after: string, limit: number): Promise<string[]> {
    const planned = job.status === 'IN_PROGRESS' ? await this.shardRows.plannedNames(job.id, after, limit) : [];
    const processed = await this.outcomes.names(job.id, after, limit);
    const names = planned.length === 0 ? processed : [...new Set([...planned, ...processed])].sort(compareBytes).slice(0, limit);
    if (names.length === 0) await this.checkExists(job);
    return names;
  }

  /** A job's experiments, ordered by name; keeps one page in memory. Rejects if the job is deleted meanwhile. */
  async *experiments(job: BulkJobEntity, range: ExperimentRange): AsyncGenerator<ExperimentDocument> {
    let { after = '', limit: left = Number.POSITIVE_INFINITY } = range;
    let size = firstPage;
    while (left > 0) {
      const wanted = Math.min(size, left);
      const page = await this.page(job, after, wanted, range);
      if (page.length < wanted) await this.checkExists(job);
      yield* page;
      if (page.length < wanted) return;
      left -= wanted;
      after = page[page.length - 1].name;
      size = nextPageSize(page);
    }
  }

  /** Reads planned experiments first: one that gets its outcome in between is then read twice, never missed, and the outcome wins. */
  private async page(job: BulkJobEntity, after: string, limit: number, range: ExperimentRange): Promise<ExperimentDocument[]> {
    const planned = job.status === 'IN_PROGRESS' ? await this.shardRows.plannedPage(job.id, after, limit) : [];
    const outcomes = await this.outcomes.page(job.id, after, limit, range.withRecommendations);
    const shards = range.shards ?? (await this.shards(job));
    const byName = new Map<string, ExperimentDocument>();
    for (const { shardNumber, experiment } of planned) {
      byName.set(experiment.name, showPlanned(job, experiment, shardOf(shards, shardNumber).plannedAt));
    }
    for (const outcome of outcomes) byName.set(outcome.experiment.name, showOutcome(job, outcome, shardOf(shards, outcome.shardNumber)));
    const documents = [...byName.values()];
    return planned.length === 0 ? documents : documents.sort((a, b) => compareBytes(a.name, b.name)).slice(0, limit);
  }

  /** Without this check, deleted rows would look like the end of the job. */
  private async checkExists({ id }: BulkJobEntity): Promise<void> {
    if (!(await this.store.exists(id))) throw deletedMeanwhile();
  }

  /** One experiment by its exact name. */
  async experiment(job: BulkJobEntity, name: string): Promise<ExperimentDocument | undefined> {
    const planned = job.status === 'IN_PROGRESS' ? await this.shardRows.plannedNamed(job.id, name) : undefined;
    const outcome = await this.outcomes.one(job.id, name);
    if (!outcome && !planned) await this.checkExists(job);
    const shards = await this.shards(job);
    if (outcome) return showOutcome(job, outcome, shardOf(shards, outcome.shardNumber));
    return planned && showPlanned(job, planned.experiment, shardOf(shards, planned.shardNumber).plannedAt);
  }
}

function shardOf(shards: ReadonlyMap<number, ShardEntity>, number: number): ShardEntity {
  const shard = shards.get(number);
  if (!shard) throw deletedMeanwhile();
  return shard;
}

/** The response becomes a 404 if it has not started, and is cut off otherwise. */
function deletedMeanwhile(): RejectedRequest {
  return new RejectedRequest(404, 'Job not found: it was deleted while it was being read');
}

/** Number of experiments for a page of about `pageBytes`, judged by the last page. */
function nextPageSize(page: readonly ExperimentDocument[]): number {
  const sizeOf = ({ apis, notifications }: ExperimentDocument) =>
    envelopeBytes + (apis.recommendations.response?.text.length ?? 0) + (notifications ? JSON.stringify(notifications).length : 0);
  const bytes = page.reduce((sum, experiment) => sum + sizeOf(experiment), 0);
  return Math.max(1, Math.min(maxPage, Math.floor((pageBytes * page.length) / bytes)));
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
