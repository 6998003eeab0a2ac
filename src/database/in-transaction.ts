import type { DataSource, EntityManager } from 'typeorm';

/** Runs statements as one transaction, which PostgreSQL ends after 10 s without a statement: a process that is frozen or cut off would keep its locks for hours. */
export function inTransaction<T>(database: DataSource, work: (transaction: EntityManager) => Promise<T>): Promise<T> {
  return database.transaction(async (transaction) => {
    // For this transaction alone, so that poolers in transaction mode allow it.
    await transaction.query(`SET LOCAL idle_in_transaction_session_timeout = '10s'`);
    return work(transaction);
  });
}
