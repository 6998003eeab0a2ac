import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { logOf } from '../settings/logger.js';
import { DatabaseProbe } from './database-probe.js';
import { migrate } from './migrate.js';
import { BulkJobs1795200000000 } from './migrations/1795200000000-bulk-jobs.js';

const log = logOf('database');

/** The connection to PostgreSQL, with its tables brought to this release. */
@Global()
@Module({})
export class DatabaseModule {
  static at(url: string, poolSize: number): DynamicModule {
    const connection = TypeOrmModule.forRootAsync({
      useFactory: () => ({
        type: 'postgres' as const,
        url,
        applicationName: 'rightsizer',
        poolSize,
        synchronize: false,
        autoLoadEntities: true,
        migrations: [BulkJobs1795200000000],
        retryAttempts: 10,
        retryDelay: 1000,
        verboseRetryLog: true,
        poolErrorHandler: (error: unknown) => log.warn({ error: String(error) }, 'a connection to PostgreSQL broke'),
        extra: { connectionTimeoutMillis: 10_000 },
      }),
      dataSourceFactory: async (options) => {
        if (!options) throw new Error('no options of the database');
        const database = await new DataSource(options).initialize();
        await migrate(database);
        return database;
      },
    });
    return { module: DatabaseModule, imports: [connection], providers: [DatabaseProbe], exports: [DatabaseProbe] };
  }
}
