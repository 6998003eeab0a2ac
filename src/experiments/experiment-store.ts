import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Experiment } from './experiment.js';

/** The experiments that jobs have made so far. */
@Injectable()
export class ExperimentStore {
  constructor(private readonly database: DataSource) {}

  /** Forgets experiments that no job has made since `before`; returns how many. */
  async deleteUnseenSince(before: Date): Promise<number> {
    const [, count] = await this.database.query('DELETE FROM experiment WHERE last_seen_at < $1', [before]);
    return count;
  }

  /** Adds experiments or notes that they were seen again, in the caller's transaction; returns the names that existed before. */
  async upsert(transaction: EntityManager, experiments: readonly Experiment[], seenAt: Date): Promise<Set<string>> {
    const existing = new Set<string>();
    const sorted = [...experiments].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (let from = 0; from < sorted.length; from += 1_000) {
      const batch = sorted.slice(from, from + 1_000);
      const rows: { name: string; existed: boolean }[] = await transaction.query(
        `INSERT INTO experiment AS known (name, definition, created_at, last_seen_at)
         SELECT name, definition, $3, $3 FROM unnest($1::text[], $2::jsonb[]) AS seen (name, definition)
         ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at)
         RETURNING name, xmax <> 0 AS existed`,
        [batch.map(({ name }) => name), batch.map((experiment) => JSON.stringify(experiment)), seenAt],
      );
      for (const { name, existed } of rows) if (existed) existing.add(name);
    }
    return existing;
  }
}
