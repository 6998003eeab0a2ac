import { Module } from '@nestjs/common';
import { DatasourceModule } from '../datasource/datasource.module.js';
import { EvidenceReader } from './evidence-reader.js';

/** Evidence beside usage, for the opt-in extras: inject EvidenceReader. */
@Module({ imports: [DatasourceModule], providers: [EvidenceReader], exports: [EvidenceReader] })
export class EvidenceModule {}
