import { Module } from '@nestjs/common';
import { DatasourceModule } from '../datasource/datasource.module.js';
import { Layers } from '../profiles/layer.js';
import { fromSettings } from '../settings/settings.module.js';
import { LayerDetector } from './layer-detector.js';

/** Layers of containers: inject LayerDetector. */
@Module({ imports: [DatasourceModule], providers: [fromSettings(Layers), LayerDetector], exports: [Layers, LayerDetector] })
export class LayersModule {}
