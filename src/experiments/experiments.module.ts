import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ExperimentEntity } from './experiment.entity.js';
import { ExperimentStore } from './experiment-store.js';
import { OutcomeEntity } from './outcome.entity.js';
import { OutcomeStore } from './outcome-store.js';

/** Experiments and how they ended. */
@Module({
  imports: [TypeOrmModule.forFeature([ExperimentEntity, OutcomeEntity])],
  providers: [ExperimentStore, OutcomeStore],
  exports: [ExperimentStore, OutcomeStore],
})
export class ExperimentsModule {}
