import type { DataSource } from 'typeorm';
import { logOf } from '../settings/logger.js';

const log = logOf('discovery');

/** Maximum number of stored results, one per datasource, range of days and filter. The oldest are deleted first. */
const maxKept = 200;

/** Stores discovery results of past days in PostgreSQL. Never rejects: without them everything is queried again. */
export class KeptDaysStore {
  private hasWarned = false;

  constructor(private readonly database: DataSource) {}

  /** The stored results of the keys. */
  async load(keys: readonly string[]): Promise<Map<string, Uint8Array>> {
    if (keys.length === 0) return new Map();
    try {
      const rows: { key: string; answers: Buffer }[] = await this.database.query(
        'SELECT key, answers FROM discovery_answer WHERE key = ANY($1::uuid[])',
        [keys],
      );
      return new Map(rows.map(({ key, answers }) => [key, new Uint8Array(answers)]));
    } catch (error) {
      this.warnOnce('stored discovery results cannot be loaded: everything is queried again', error);
      return new Map();
    }
  }

  /** Stores results, replacing older ones with the same keys, and deletes results older than two days: at midnight the windows of jobs move on. */
  async keep(days: ReadonlyMap<string, Uint8Array>): Promise<void> {
    if (days.size === 0) return;
    try {
      await this.database.query(
        `INSERT INTO discovery_answer AS known (key, answers, made_at)
         SELECT key, answers, now() FROM unnest($1::uuid[], $2::bytea[]) AS fresh (key, answers)
         ON CONFLICT (key) DO UPDATE SET answers = excluded.answers, made_at = excluded.made_at`,
        [[...days.keys()], [...days.values()].map((bytes) => Buffer.from(bytes))],
      );
      await this.database.query(
        `DELETE FROM discovery_answer
         WHERE made_at < now() - interval '2 days' OR key IN (SELECT key FROM discovery_answer ORDER BY made_at DESC OFFSET $1)`,
        [maxKept],
      );
    } catch (error) {
      this.warnOnce('discovery results cannot be stored: the next job queries them again', error);
    }
  }

  private warnOnce(text: string, error: unknown): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    log.warn({ error: String(error) }, text);
  }
}
