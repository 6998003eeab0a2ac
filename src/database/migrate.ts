import type { DataSource } from 'typeorm';

/** Any number, the same in every process of ours: serialises migrations of processes that start together. */
const lockKey = 7_281_554_301;

/** Brings the database to this release, one process at a time. The lock ends with its transaction, so that it holds behind a pooler too. */
export async function migrate(database: DataSource): Promise<void> {
  await database.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock($1)', [lockKey]);
    await database.runMigrations({ transaction: 'all' });
  });
}
