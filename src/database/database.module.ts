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
import { InputTopics1795700000000 } from './migrations/1795700000000-input-topics.js';

/** Advisory lock that serializes the migrations of processes that start together. Any number, the same in all of them. */
const lockKey = 7_281_554_301;

/**
 * Migrates the database to this release, one process at a time. Returns the names of the migrations that it ran. The lock belongs to the transaction, so
 * that it works behind a pooler.
 */
export async function migrate(database: DataSource): Promise<string[]> {
  return database.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock($1)', [lockKey]);
    const executed = await database.runMigrations({ transaction: 'all' });
    return executed.map(({ name }) => name);
  });
}

/** Migrates the database at the URL in `setting`, and closes the connection. Returns the names of the migrations that it ran. */
export async function migrateAt(url: string, setting: 'DATABASE_URL' | 'DATABASE_DIRECT_URL'): Promise<string[]> {
  const database = new DataSource(connectionOptions(url, 2));
  await database.initialize().catch((cause) => {
    throw connectFailure(url, cause, setting);
  });
  try {
    return await migrate(database);
  } catch (cause) {
    const { host, pathname } = new URL(url);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The database at ${host}${pathname} was not migrated: ${reason}. Check the rights of the user in ${setting}.`, {
      cause,
    });
  } finally {
    await database.destroy();
  }
}

/** Checks whether PostgreSQL responds. */
@Injectable()
export class DatabaseProbe {
  constructor(private readonly database: DataSource) {}

  /** Returns why PostgreSQL cannot be used now; undefined if it can. */
  async trouble(): Promise<string | undefined> {
    return this.database.query('SELECT 1').then(
      () => undefined,
      (error) => `PostgreSQL: ${error.message}`,
    );
  }
}

const log = logOf('database');

/** Connection options that the service and `rightsizer migrate` share. */
function connectionOptions(url: string, poolSize: number) {
  return {
    type: 'postgres' as const,
    url,
    applicationName: 'rightsizer',
    poolSize,
    synchronize: false,
    migrations: [
      BulkJobs1795200000000,
      UsageWindows1795300000000,
      DiscoveryAnswers1795400000000,
      Attempts1795500000000,
      SentTopics1795600000000,
      InputTopics1795700000000,
    ],
    poolErrorHandler: (error: unknown) => log.warn({ error: String(error) }, 'connection to PostgreSQL lost'),
    extra: poolOptions,
  };
}

/** The connection to PostgreSQL. */
@Global()
@Module({})
export class DatabaseModule {
  static at(url: string, poolSize: number): DynamicModule {
    const connection = TypeOrmModule.forRootAsync({
      useFactory: () => ({
        ...connectionOptions(url, poolSize),
        autoLoadEntities: true,
        retryAttempts: 10,
        retryDelay: 1000,
        verboseRetryLog: true,
      }),
      dataSourceFactory: async (options) => {
        if (!options) throw new Error('TypeORM passed no options');
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
