import type { DataSource } from 'typeorm';

/** Any number, the same in every process of ours: serialises migrations of processes that start together. */
const lockKey = 7_281_554_301;

/** Brings the database to this release, one process at a time. */
export async function migrate(database: DataSource): Promise<void> {
  const runner = database.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [lockKey]);
    await database.runMigrations({ transaction: 'all' });
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [lockKey]).catch(() => undefined);
    await runner.release();
  }
}
