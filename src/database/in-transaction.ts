import type { DataSource, EntityManager } from 'typeorm';

/** How long a transaction may be without a statement, as SET takes it. A frozen or cut-off process would keep its locks for hours. */
export const idleLimit = `idle_in_transaction_session_timeout = '10s'`;

/** Runs statements as one transaction, which PostgreSQL ends when it is idle for longer than `idleLimit`. */
export function inTransaction<T>(database: DataSource, work: (transaction: EntityManager) => Promise<T>): Promise<T> {
  return database.transaction(async (transaction) => {
    // For this transaction alone, so that poolers in transaction mode allow it.
    await transaction.query(`SET LOCAL ${idleLimit}`);
    return work(transaction);
  });
}
