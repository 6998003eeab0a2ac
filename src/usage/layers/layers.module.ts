import { Module } from '@nestjs/common';
import { DatasourceModule } from '../../datasource/datasource.module.js';
import { LayerDetector } from './layer-detector.js';
import { Layers } from './layers.js';

/** Layers of containers: inject LayerDetector. */
@Module({ imports: [DatasourceModule], providers: [Layers, LayerDetector], exports: [Layers, LayerDetector] })
export class LayersModule {}
