import { Injectable } from '@nestjs/common';
import type { ExperimentDocument } from '../experiments/experiment.js';
import { OutcomeStore } from '../experiments/experiment-rows.js';
import { cutBatches } from '../publication/publisher.js';
import { RejectedRequest } from '../sizing/bulk-request.js';
import { type BulkJobEntity, BulkJobStore, type JobListQuery, type ListedJob } from './job-rows.js';
import { type ShardEntity, ShardStore } from './shard-rows.js';
import { showOutcome, showPlanned, showSummary } from './show-job.js';

/** Experiments in a job's first page, before their size is known, and the maximum of later pages. */
const firstPage = 5;
const largestPage = 200;

/** Rendered JSON that a page should have: what an answer keeps in memory. */
const pageBytes = 4_000_000;

/** What an experiment's document weighs beside its recommendations and notifications. */
const frameBytes = 2_000;

/** Jobs that are read at once while a list is streamed, and what their rows may weigh as PostgreSQL stores them, compressed to a third or less. */
const jobsAtOnce = 20;
const storedBytesAtOnce = 1_000_000;

/** Which experiments of a job to read: those whose names come after `after`, at most `limit`. */
export interface ExperimentRange {
  readonly withRecommendations: boolean;
  readonly after?: string;
  readonly limit?: number;
  /** The shards whose times are shown; absent: as they are when each page is read. */
  readonly shards?: ReadonlyMap<number, ShardEntity>;
}

/** A job as its readers see it: its rows put together. */
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

  /** The summaries of the requested jobs, with a bounded amount of memory; `last` is the last job of the page if there are more. */
  async jobs(query: JobListQuery): Promise<{ jobs: AsyncIterable<object>; last?: ListedJob }> {
    const found = await this.store.list({ ...query, limit: query.limit + 1 });
    const shown = found.slice(0, query.limit);
    return { jobs: this.summaries(shown), last: found.length > query.limit ? shown.at(-1) : undefined };
  }

  private async *summaries(shown: readonly ListedJob[]): AsyncGenerator<object> {
    const bytesOf = ({ storedBytes }: ListedJob) => Math.max(storedBytes, storedBytesAtOnce / jobsAtOnce);
    for (const batch of cutBatches(shown, bytesOf, storedBytesAtOnce)) {
      const page = batch.map(({ id }) => id);
      const [jobs, progress] = await Promise.all([this.store.findAll(page), this.store.progressOfAll(page)]);
      // One that was deleted meanwhile is left out.
      for (const job of jobs) yield showSummary(job, progress.get(job.id)!);
    }
  }

  async metadata(job: BulkJobEntity): Promise<object | undefined> {
    return (await this.store.metadataOf(job.id)) ?? undefined;
  }

  /** The shards of a job by their numbers. */
  async shards(job: BulkJobEntity): Promise<ReadonlyMap<number, ShardEntity>> {
    return this.shardRows.ofJob(job.id);
  }

  /** Names of a job's experiments that come after `after`, at most `limit`, in order. A planned job has the same names for ever. */
  async names(job: BulkJobEntity, after: string, limit: number): Promise<string[]> {
    const planned = job.status === 'IN_PROGRESS' ? await this.shardRows.plannedNames(job.id, after, limit) : [];
    const processed = await this.outcomes.names(job.id, after, limit);
    const names = planned.length === 0 ? processed : [...new Set([...planned, ...processed])].sort(compareBytes).slice(0, limit);
    if (names.length === 0) await this.checkExists(job);
    return names;
  }

  /** A job's experiments, by name; memory stays that of one page. Rejects where the job is deleted meanwhile. */
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

  /** Planned ones first: an experiment that gets its outcome in between is then seen twice, never missed; the outcome counts. */
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

  /** Deleted rows look like the end of the job. */
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

/** An answer that has not begun becomes a 404; one that has is cut. */
function deletedMeanwhile(): RejectedRequest {
  return new RejectedRequest(404, 'Job not found: it was deleted while it was read');
}

/** Page size at which the next page weighs about `pageBytes`, if its experiments are like those of the last page. */
function nextPageSize(page: readonly ExperimentDocument[]): number {
  const bytes = page.reduce((sum, experiment) => sum + weightOf(experiment), 0);
  return Math.max(1, Math.min(largestPage, Math.floor((pageBytes * page.length) / bytes)));
}

function weightOf({ apis, notifications }: ExperimentDocument): number {
  const text = apis.recommendations.response?.text.length ?? 0;
  return frameBytes + text + (notifications ? JSON.stringify(notifications).length : 0);
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
