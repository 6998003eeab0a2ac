import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EndedJobs } from '../bulk/ending-steps.js';
import { BulkJobStore, queueOf } from '../bulk/job-rows.js';
import { SubmitJob } from '../bulk/submit-job.js';
import { logOf } from '../settings/logger.js';
import { RejectedRequest } from '../sizing/bulk-request.js';
import { jobNotifications } from '../sizing/notifications.js';
import { AlreadyHandled, type GroupPartition, PositionStore } from './position-rows.js';
import { type InputRecord, type RecordCommand, readRecord } from './read-record.js';
import type { Trigger } from './trigger.js';

/** The pattern of all input records. */
export const inputPattern = 'rightsizer.input-record';

/** What became of a record. */
export type RecordOutcome =
  | { readonly kind: 'job' | 'repeated' | 'cancelled'; readonly jobId: string }
  | { readonly kind: 'dead-letter'; readonly reason: string }
  | { readonly kind: 'already-handled' };

/** A record on its way. The handler sets `outcome`, or `error` if the record must be handled again later. */
export interface Delivery {
  readonly trigger: Trigger;
  readonly record: InputRecord;
  /** Set if the record has failed too often: why. */
  readonly givenUpFor?: string;
  /** Sends the record to its dead-letter topic. Resolves when that has it. */
  readonly sendToDeadLetters: (reason: string) => Promise<void>;
  outcome?: RecordOutcome;
  error?: unknown;
}

const log = logOf('intake');

/** Turns the records of input topics into jobs: each into exactly one job, an earlier one with the same request id, or a dead letter. */
@Controller()
export class IntakeController {
  constructor(
    private readonly submit: SubmitJob,
    private readonly jobs: BulkJobStore,
    private readonly ended: EndedJobs,
    private readonly positions: PositionStore,
  ) {}

  /** Never rejects: Nest would replace the error. */
  @EventPattern(inputPattern)
  async handle(@Payload() delivery: Delivery): Promise<void> {
    try {
      const outcome = await this.outcomeOf(delivery);
      delivery.outcome = outcome;
      const { trigger, record } = delivery;
      const { topic, partition, offset } = record;
      const fields = { trigger: trigger.name, topic, partition, offset: String(offset), ...outcome };
      log[outcome.kind === 'dead-letter' ? 'warn' : 'info'](fields, 'a record was handled');
    } catch (error) {
      delivery.error = error;
    }
  }

  private async outcomeOf(delivery: Delivery): Promise<RecordOutcome> {
    if (delivery.givenUpFor !== undefined) return this.toDeadLetters(delivery, `Given up: ${delivery.givenUpFor}`);
    try {
      return await this.run(delivery, readRecord(delivery.record));
    } catch (error) {
      if (error instanceof AlreadyHandled) return { kind: 'already-handled' };
      if (!(error instanceof RejectedRequest)) throw error;
      return this.toDeadLetters(delivery, error.message);
    }
  }

  private async run({ trigger, record }: Delivery, command: RecordCommand): Promise<RecordOutcome> {
    const { topic, partition, offset, key } = record;
    if (command.kind === 'cancel') return this.cancel(placeOf(trigger, record), record, command);
    const { id: jobId, isNew } = await this.submit.accept(command.body, command.requestId, {
      origin: { trigger: trigger.name, topic, partition, offset: String(offset) },
      ...(key !== null && { queue: queueOf({ trigger: trigger.name, topic, key }) }),
      claim: (transaction) => this.positions.claim(transaction, placeOf(trigger, record), offset, new Date(record.timestamp)),
    });
    return { kind: isNew ? 'job' : 'repeated', jobId };
  }

  /** A repeat changes nothing, so the position may move afterwards. */
  private async cancel(
    place: GroupPartition,
    { offset, timestamp }: InputRecord,
    command: Extract<RecordCommand, { kind: 'cancel' }>,
  ): Promise<RecordOutcome> {
    const job = 'jobId' in command ? await this.jobs.find(command.jobId) : await this.jobs.findByKey(command.requestId);
    if (!job) throw new RejectedRequest(404, 'Job not found');
    await this.ended.end(job.id, jobNotifications.cancelled());
    await this.positions.skip(place, offset, new Date(timestamp));
    return { kind: 'cancelled', jobId: job.id };
  }

  private async toDeadLetters({ trigger, record, sendToDeadLetters }: Delivery, reason: string): Promise<RecordOutcome> {
    const place = placeOf(trigger, record);
    const position = await this.positions.find(place);
    if (position && position.nextOffset > record.offset) return { kind: 'already-handled' };
    await sendToDeadLetters(reason);
    await this.positions.skip(place, record.offset, new Date(record.timestamp));
    return { kind: 'dead-letter', reason };
  }
}

function placeOf({ groupId }: Trigger, { topic, partition }: InputRecord): GroupPartition {
  return { groupId, topic, partition };
}
