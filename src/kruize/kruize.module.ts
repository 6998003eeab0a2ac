import { Module } from '@nestjs/common';
import { DatasourceModule } from '../datasource/datasource.module.js';
import { UsageModule } from '../usage/usage.module.js';
import { DatasourcesController } from './datasources.controller.js';

/** The rest of Kruize's REST surface. */
@Module({ imports: [DatasourceModule, UsageModule], controllers: [DatasourcesController] })
export class KruizeModule {}
