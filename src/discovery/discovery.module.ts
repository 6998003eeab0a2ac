import { Module } from '@nestjs/common';
import { DatasourceModule } from '../datasource/datasource.module.js';
import { ProbesModule } from '../probes/probes.module.js';
import { MetadataProfiles } from '../profiles/metadata-profile.js';
import { fromSettings } from '../settings/settings.module.js';
import { Discovery } from './discovery.js';
import { SettledAnswers } from './kept-days.js';
import { SeriesFinder } from './series-finder.js';

/** Finds workloads with the queries of a metadata profile. */
@Module({
  imports: [DatasourceModule, ProbesModule],
  providers: [fromSettings(MetadataProfiles), SeriesFinder, SettledAnswers, Discovery],
  exports: [MetadataProfiles, Discovery],
})
export class DiscoveryModule {}
