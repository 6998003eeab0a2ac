import { Module } from '@nestjs/common';
import { DatasourceModule } from '../datasource/datasource.module.js';
import { Discovery } from './discovery.js';
import { MetadataProfiles } from './metadata-profiles.js';

/** Finds workloads with the queries of a metadata profile. */
@Module({ imports: [DatasourceModule], providers: [MetadataProfiles, Discovery], exports: [MetadataProfiles, Discovery] })
export class DiscoveryModule {}
