import type { DataSource, QueryRunner } from 'typeorm';
import { waitUntil } from './servers/wait-until.js';

/** Starts `work` before `change` is committed, and commits when the given number of sessions wait for its locks. Returns the result of `work`. */
export async function meanwhile<T>(
  database: DataSource,
  change: (runner: QueryRunner) => Promise<unknown>,
  work: () => Promise<T>,
  sessions = 1,
): Promise<T> {
  const runner = database.createQueryRunner();
  try {
    await runner.startTransaction();
    await change(runner);
    let isDone = false;
    const working = work().finally(() => {
      isDone = true;
    });
    const committing = waitUntil('sessions wait for locks', async () => isDone || (await waitingIn(database)) >= sessions).then(() =>
      runner.commitTransaction(),
    );
    const [result] = await Promise.all([working, committing]);
    return result;
  } finally {
    await runner.release();
  }
}

async function waitingIn(database: DataSource): Promise<number> {
  const [{ count }] = await database.query(
    `SELECT count(*)::int FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
  );
  return count;
}
