import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Experiment } from './experiment.js';
import type { Notifications } from './notification.js';

/** How one experiment of one job ended. */
@Entity('outcome')
export class OutcomeEntity {
  @PrimaryColumn('uuid', { name: 'job_id' })
  jobId!: string;

  @PrimaryColumn('text', { name: 'experiment_name' })
  experimentName!: string;

  @Column('integer', { name: 'shard_number' })
  shardNumber!: number;

  @Column('jsonb')
  experiment!: Experiment;

  /** An earlier job had made the experiment. */
  @Column('boolean')
  existed!: boolean;

  @Column('text')
  status!: 'PROCESSED' | 'FAILED';

  @Column('jsonb', { nullable: true })
  notifications!: Notifications | null;

  /** The generateRecommendations array as served and sent: UTF-8 JSON, raw deflate. */
  @Column('bytea', { nullable: true })
  recommendation!: Buffer | null;

  /** Why its record could not be published; null otherwise. */
  @Column('text', { name: 'publish_error', nullable: true })
  publishError!: string | null;
}
