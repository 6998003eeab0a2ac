import { Module } from '@nestjs/common';
import { PublicationModule } from '../publication/publication.module.js';
import { HealthController } from './health.controller.js';

/** Probes. */
@Module({ imports: [PublicationModule], controllers: [HealthController] })
export class HealthModule {}
