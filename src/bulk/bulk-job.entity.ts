import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Notification, Notifications } from '../experiments/experiment.js';
import type { BulkRequest } from './bulk-request.js';

export const bulkJobStatuses = ['IN_PROGRESS', 'COMPLETED', 'FAILED'] as const;
export type BulkJobStatus = (typeof bulkJobStatuses)[number];
/** `off`: Kafka is not configured; `pending`: records or the summary are not yet acknowledged; `failed`: the summary was refused for good. */
export type PublicationState = 'off' | 'pending' | 'published' | 'failed';

export interface WebhookState {
  readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly notifications?: Notification;
}

/** One bulk job. `end_time` of the usage is fixed when it is made, so that a repeated step gives the same numbers. */
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

  /** Last instant of the usage window. */
  @Column('timestamptz', { name: 'usage_end' })
  usageEnd!: Date;

  @Column('timestamptz', { name: 'started_at' })
  startedAt!: Date;

  /** When discovery's result was committed; null before. */
  @Column('timestamptz', { name: 'planned_at', nullable: true })
  plannedAt!: Date | null;

  @Column('timestamptz', { name: 'deadline_at', nullable: true })
  deadlineAt!: Date | null;

  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt!: Date | null;

  /** The `metadata` section of GET /bulk; large, so read only where it is asked for. */
  @Column('jsonb', { nullable: true, select: false })
  metadata!: object | null;
}
