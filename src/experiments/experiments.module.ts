import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ExperimentEntity, ExperimentStore, OutcomeEntity, OutcomeStore } from './experiment-rows.js';

/** Stores experiments and their outcomes. */
@Module({
  imports: [TypeOrmModule.forFeature([ExperimentEntity, OutcomeEntity])],
  providers: [ExperimentStore, OutcomeStore],
  exports: [ExperimentStore, OutcomeStore],
})
export class ExperimentsModule {}
