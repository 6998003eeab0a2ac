import { Module } from '@nestjs/common';
import { DatasourceModule } from '../datasource/datasource.module.js';
import { ProbesModule } from '../probes/probes.module.js';
import { Discovery } from './discovery.js';
import { MetadataProfiles } from './metadata-profiles.js';
import { SeriesFinder } from './series-finder.js';
import { SettledAnswers } from './settled-answers.js';

/** Finds workloads with the queries of a metadata profile. */
@Module({
  imports: [DatasourceModule, ProbesModule],
  providers: [MetadataProfiles, SeriesFinder, SettledAnswers, Discovery],
  exports: [MetadataProfiles, Discovery],
})
export class DiscoveryModule {}
