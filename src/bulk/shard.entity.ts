import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Experiment } from '../experiments/experiment.js';

/** `planned` → `recommended` (every experiment has its outcome) → `published` (every record is acknowledged; only with Kafka on). */
export type ShardState = 'planned' | 'recommended' | 'published';

/** An experiment as it was planned; `existed`: an earlier job made it. */
export type PlannedExperiment = Experiment & { readonly existed: boolean };

/** Experiments that are read, computed, committed and published together. */
@Entity('shard')
export class ShardEntity {
  @PrimaryColumn('uuid', { name: 'job_id' })
  jobId!: string;

  @PrimaryColumn('integer')
  number!: number;

  /** Whose usage the experiments are sized by. */
  @Column('text')
  datasource!: string;

  /** Null once every experiment has its outcome row. */
  @Column('jsonb', { nullable: true })
  experiments!: PlannedExperiment[] | null;

  @Column('text')
  state!: ShardState;

  @Column('integer', { name: 'experiment_count' })
  experimentCount!: number;

  @Column('integer', { name: 'existing_count' })
  existingCount!: number;

  @Column('integer', { name: 'failed_count', default: 0 })
  failedCount!: number;

  @Column('integer', { name: 'publish_failed_count', default: 0 })
  publishFailedCount!: number;

  /** Experiments of the job with an outcome when this shard was committed: frozen into its records. */
  @Column('integer', { name: 'processed_so_far', default: 0 })
  processedSoFar!: number;

  /** Topics that have all their records of this shard while another one is refused. */
  @Column('text', { name: 'sent_topics', array: true, default: [] })
  sentTopics!: string[];

  @Column('timestamptz', { name: 'planned_at' })
  plannedAt!: Date;

  @Column('timestamptz', { name: 'recommended_at', nullable: true })
  recommendedAt!: Date | null;

  @Column('timestamptz', { name: 'published_at', nullable: true })
  publishedAt!: Date | null;
}
