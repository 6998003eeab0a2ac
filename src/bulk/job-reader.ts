import { Injectable } from '@nestjs/common';
import type { ExperimentDocument } from '../experiments/experiment-document.js';
import { OutcomeStore } from '../experiments/outcome-store.js';
import type { BulkJobEntity } from './bulk-job.entity.js';
import { BulkJobStore } from './bulk-job-store.js';
import { type JobListQuery, jobCursor } from './read-job-list.js';
import type { ShardEntity } from './shard.entity.js';
import { ShardStore } from './shard-store.js';
import { showOutcome, showPlanned, showSummary } from './show-job.js';

/** Experiments that are read at once while a whole job is streamed. */
const pageSize = 200;

/** Jobs that are read at once while a list is streamed: each echoes its request, which may have thousands of names. */
const jobsAtOnce = 20;

/** A job as its readers see it: its rows put together. */
@Injectable()
export class JobReader {
  constructor(
    private readonly store: BulkJobStore,
    private readonly shards: ShardStore,
    private readonly outcomes: OutcomeStore,
  ) {}

  async summary(job: BulkJobEntity) {
    return showSummary(job, await this.store.progressOf(job.id));
  }

  /** The summaries of the jobs that are asked for, a few in memory at once; `nextCursor` where there are more. */
  async jobs(query: JobListQuery): Promise<{ jobs: AsyncIterable<object>; nextCursor?: string }> {
    const found = await this.store.list({ ...query, limit: query.limit + 1 });
    const shown = found.slice(0, query.limit);
    return {
      jobs: this.summaries(shown.map(({ id }) => id)),
      nextCursor: found.length > query.limit ? jobCursor(shown.at(-1)!) : undefined,
    };
  }

  private async *summaries(ids: readonly string[]): AsyncGenerator<object> {
    for (let from = 0; from < ids.length; from += jobsAtOnce) {
      const page = ids.slice(from, from + jobsAtOnce);
      const [jobs, progress] = await Promise.all([this.store.findAll(page), this.store.progressOfAll(page)]);
      // One that was deleted meanwhile is left out.
      for (const job of jobs) yield showSummary(job, progress.get(job.id)!);
    }
  }

  async metadata(job: BulkJobEntity): Promise<object | undefined> {
    return (await this.store.metadataOf(job.id)) ?? undefined;
  }

  /** Every experiment of a job, by name; memory stays that of one page. */
  async *experiments(job: BulkJobEntity, withRecommendations: boolean): AsyncGenerator<ExperimentDocument> {
    let after = '';
    while (true) {
      const page = await this.page(job, after, pageSize, withRecommendations);
      yield* page;
      if (page.length < pageSize) return;
      after = page[page.length - 1].name;
    }
  }

  /** Up to `limit` experiments whose names come after `after`, by name (bytewise). */
  async page(job: BulkJobEntity, after: string, limit: number, withRecommendations: boolean): Promise<ExperimentDocument[]> {
    // Planned ones first: an experiment that gets its outcome in between is then seen twice, never missed; the outcome counts.
    const planned = job.status === 'IN_PROGRESS' ? await this.shards.plannedPage(job.id, after, limit) : [];
    const outcomes = await this.outcomes.page(job.id, after, limit, withRecommendations);
    const shards = await this.shards.ofJob(job.id);
    const byName = new Map<string, ExperimentDocument>();
    for (const { shardNumber, experiment } of planned) {
      byName.set(experiment.name, showPlanned(job, experiment, shardOf(shards, shardNumber).plannedAt));
    }
    for (const outcome of outcomes) byName.set(outcome.experiment.name, showOutcome(job, outcome, shardOf(shards, outcome.shardNumber)));
    const documents = [...byName.values()];
    return planned.length === 0 ? documents : documents.sort((a, b) => compareBytes(a.name, b.name)).slice(0, limit);
  }

  /** One experiment by its exact name. */
  async experiment(job: BulkJobEntity, name: string): Promise<ExperimentDocument | undefined> {
    const planned = job.status === 'IN_PROGRESS' ? await this.shards.plannedNamed(job.id, name) : undefined;
    const outcome = await this.outcomes.one(job.id, name);
    const shards = await this.shards.ofJob(job.id);
    if (outcome) return showOutcome(job, outcome, shardOf(shards, outcome.shardNumber));
    return planned && showPlanned(job, planned.experiment, shardOf(shards, planned.shardNumber).plannedAt);
  }
}

function shardOf(shards: ReadonlyMap<number, ShardEntity>, number: number): ShardEntity {
  const shard = shards.get(number);
  if (!shard) throw new Error(`shard ${number} is gone; its job was deleted`);
  return shard;
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
