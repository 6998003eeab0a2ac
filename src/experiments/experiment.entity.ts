import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Experiment } from './experiment.js';

/** An experiment that some job made; jobs that find it again count it as existing. */
@Entity('experiment')
export class ExperimentEntity {
  @PrimaryColumn('text')
  name!: string;

  @Column('jsonb')
  definition!: Experiment;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'last_seen_at' })
  lastSeenAt!: Date;
}
