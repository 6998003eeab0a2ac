import { type DynamicModule, Global, Injectable, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { logOf } from '../settings/logger.js';
import { connectFailure } from './database-error.js';
import { poolOptions } from './database-pool.js';
import { BulkJobs1795200000000 } from './migrations/1795200000000-bulk-jobs.js';
import { UsageWindows1795300000000 } from './migrations/1795300000000-usage-windows.js';
import { DiscoveryAnswers1795400000000 } from './migrations/1795400000000-discovery-answers.js';
import { Attempts1795500000000 } from './migrations/1795500000000-attempts.js';
import { SentTopics1795600000000 } from './migrations/1795600000000-sent-topics.js';

/** Any number, the same in every process of ours: serialises migrations of processes that start together. */
const lockKey = 7_281_554_301;

/** Brings the database to this release, one process at a time. The lock ends with its transaction, so that it holds behind a pooler too. */
export async function migrate(database: DataSource): Promise<void> {
  await database.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock($1)', [lockKey]);
    await database.runMigrations({ transaction: 'all' });
  });
}

/** Tells whether PostgreSQL answers. */
@Injectable()
export class DatabaseProbe {
  constructor(private readonly database: DataSource) {}

  /** Why PostgreSQL cannot be used now; undefined when it can. */
  async trouble(): Promise<string | undefined> {
    return this.database.query('SELECT 1').then(
      () => undefined,
      (error) => `PostgreSQL: ${error.message}`,
    );
  }
}

const log = logOf('database');

/** The connection to PostgreSQL. */
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
        migrations: [
          BulkJobs1795200000000,
          UsageWindows1795300000000,
          DiscoveryAnswers1795400000000,
          Attempts1795500000000,
          SentTopics1795600000000,
        ],
        retryAttempts: 10,
        retryDelay: 1000,
        verboseRetryLog: true,
        poolErrorHandler: (error: unknown) => log.warn({ error: String(error) }, 'a connection to PostgreSQL broke'),
        extra: poolOptions,
      }),
      dataSourceFactory: async (options) => {
        if (!options) throw new Error('no options of the database');
        const database = await new DataSource(options).initialize().catch((cause) => {
          throw connectFailure(url, cause);
        });
        await migrate(database);
        return database;
      },
    });
    return { module: DatabaseModule, imports: [connection], providers: [DatabaseProbe], exports: [DatabaseProbe] };
  }
}
