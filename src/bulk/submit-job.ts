import { createHash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { isStorable } from '../database/database-error.js';
import { Datasources } from '../datasource/datasources.js';
import { MetadataProfiles } from '../profiles/metadata-profile.js';
import { Publisher } from '../publication/publisher.js';
import { webhookUrlFault } from '../publication/webhook-target.js';
import { logOf } from '../settings/logger.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { type BulkRequest, describeFaults, jobTimes, RejectedRequest, readBulkRequest } from '../sizing/bulk-request.js';
import { BulkJobStore, type JobSource, type NewBulkJob } from './job-rows.js';
import { WakeUps } from './queue.js';

const log = logOf('bulk');

/** Accepts jobs from REST, events and schedules. */
@Injectable()
export class SubmitJob {
  constructor(
    private readonly jobs: BulkJobStore,
    private readonly datasources: Datasources,
    private readonly profiles: MetadataProfiles,
    private readonly publisher: Publisher,
    private readonly wakeUps: WakeUps,
    @InjectSettings() private readonly settings: Settings,
  ) {}

  /**
   * Checks a parsed body of POST /bulk, commits the job and returns its id. A repeated idempotency key with the same body returns the same id. Rejects
   * with a RejectedRequest that names the faulty fields.
   */
  async submit(body: unknown, idempotencyKey?: string): Promise<string> {
    return (await this.accept(body, idempotencyKey)).id;
  }

  /** Like `submit`, for a job that a record may have started; `isNew` is false for a repeated key. Rejects also like the source's `claim`. */
  async accept(body: unknown, idempotencyKey?: string, source?: JobSource): Promise<{ id: string; isNew: boolean }> {
    const id = randomUUID();
    const read = readBulkRequest(body, {
      jobId: id,
      isDatasource: (name) => this.datasources.find(name) !== undefined,
      isMetadataProfile: (name) => this.profiles.find(name) !== undefined,
      webhookUrlFault,
    });
    if (read.faults) throw new RejectedRequest(400, describeFaults(read.faults));
    const { request, resolved } = read;
    const requestHash = hashOf(request);
    const key = request.requestId ?? readIdempotencyKey(idempotencyKey);
    const job: NewBulkJob = {
      id,
      request,
      requestHash,
      dedupeKey: key,
      datasources: [...resolved.datasources],
      publication: this.publisher.isOn ? 'pending' : 'off',
      ...jobTimes(resolved, new Date(), this.settings.ALIGN_END),
    };
    const stored = await this.jobs.submit(job, source);
    if (stored.isNew) {
      log.info({ jobId: id, datasources: resolved.datasources }, stored.waits ? 'a job waits for its turn' : 'a job started');
      if (!stored.waits) void this.wakeUps.wake('discover', { jobId: id });
    }
    return stored;
  }
}

/** The header's value; a blank value counts as absent. It has the bounds of requestId because both share an index. */
function readIdempotencyKey(header: string | undefined): string | null {
  const key = header?.trim() ?? '';
  if (key.length > 512) throw new RejectedRequest(400, 'At most 512 characters are allowed (field: Idempotency-Key)');
  if (!isStorable(key)) throw new RejectedRequest(400, 'U+0000 and half a surrogate pair are not allowed (field: Idempotency-Key)');
  return key === '' ? null : key;
}

/** Equal for equal requests, whatever the order of their members. */
function hashOf({ requestId: _, ...request }: BulkRequest): string {
  const sorted = (_key: string, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return createHash('sha256').update(JSON.stringify(request, sorted)).digest('hex');
}
