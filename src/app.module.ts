import { type DynamicModule, Module } from '@nestjs/common';
import { BulkModule } from './bulk/bulk.module.js';
import { DatabaseModule } from './database/database.module.js';
import { RestModule } from './rest/rest.module.js';
import { SettingsModule } from './settings/settings.module.js';
import type { Settings } from './settings/settings-schema.js';

/** Root module of one process. */
@Module({})
export class AppModule {
  static of(settings: Settings, databaseUrl: string): DynamicModule {
    const bulk = BulkModule.at(settings, databaseUrl);
    return {
      module: AppModule,
      imports: [
        SettingsModule.of(settings),
        DatabaseModule.at(databaseUrl, settings.DATABASE_POOL_SIZE),
        bulk,
        RestModule.beside(bulk, settings),
      ],
    };
  }
}
