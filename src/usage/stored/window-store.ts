import { Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { DataSource, type EntityManager } from 'typeorm';
import { inTransaction } from '../../database/database-pool.js';
import { InjectSettings } from '../../settings/settings.module.js';
import type { Settings } from '../../settings/settings-schema.js';
import type { Arena } from './arena.js';
import { readCopyRows } from './copy-rows.js';
import type { WindowBlock } from './window-block.js';
import type { WriteBatch } from './window-write.js';

/** Any numbers, the same in every process of ours: one for those who write, one for those who clear up. */
const lockKeys = { write: 7_281_554_302, clearUp: 7_281_554_303 } as const;

/** Usage windows in PostgreSQL. Blocks go in and out by binary COPY: a seventh of the CPU of statements that return bytea as text (measured). */
@Injectable()
export class WindowStore {
  constructor(
    private readonly database: DataSource,
    @InjectSettings() private readonly settings: Pick<Settings, 'USAGE_STORE_DAYS' | 'USAGE_STORE_MAX_MB'>,
  ) {}

  /** The blocks from `first` to `last` of each key that has some; their bytes lie in the arena, which has none yet. */
  async load(keys: readonly string[], { first, last }: { first: number; last: number }, arena: Arena): Promise<Map<string, WindowBlock[]>> {
    // COPY takes no parameters; keys are hexadecimal digits that we made, numbers are numbers.
    const list = keys.map((key) => `'${key}'`).join(', ');
    const query = `SELECT key, block, data FROM usage_block WHERE key IN (${list}) AND block BETWEEN ${Number(first)} AND ${Number(last)}`;
    const runner = this.database.createQueryRunner();
    try {
      const client: PoolClient = await runner.connect();
      for await (const chunk of client.query(copyTo(`COPY (${query}) TO STDOUT (FORMAT binary)`))) arena.append(chunk as Buffer);
      return readCopyRows(arena.bytes);
    } finally {
      await runner.release();
    }
  }

  /** Writes all of a batch or nothing; writers wait for each other, so that two that have the same experiment do not collide. */
  async write(batch: WriteBatch): Promise<void> {
    const { series } = batch;
    await inTransaction(this.database, async (transaction) => {
      await transaction.query('SELECT pg_advisory_xact_lock($1)', [lockKeys.write]);
      await this.deleteReplaced(transaction, series);
      await copyIn(await transaction.queryRunner!.connect(), batch.end());
      await transaction.query(
        `INSERT INTO usage_series AS known (key, first_block, bytes, used_at)
         SELECT key, first_block, (SELECT sum(octet_length(data)) FROM usage_block WHERE usage_block.key = written.key), now()
         FROM unnest($1::uuid[], $2::integer[]) AS written (key, first_block)
         ON CONFLICT (key) DO UPDATE
         SET first_block = greatest(known.first_block, excluded.first_block), bytes = excluded.bytes, used_at = excluded.used_at`,
        [series.map(({ key }) => key), series.map(({ firstBlock }) => firstBlock)],
      );
    });
  }

  /** Deletes what is too old, unused for long or, least used first, beyond the size; nothing where another process is at it. */
  async clearUp(): Promise<void> {
    await inTransaction(this.database, async (transaction) => {
      const [{ locked }] = await transaction.query('SELECT pg_try_advisory_xact_lock($1) AS locked', [lockKeys.clearUp]);
      if (!locked) return;
      await transaction.query(
        `WITH gone AS (
           DELETE FROM usage_series USING (
             SELECT key, used_at, sum(bytes) OVER (ORDER BY used_at DESC, key) AS bytes_so_far FROM usage_series
           ) AS ranked
           WHERE usage_series.key = ranked.key AND (bytes_so_far > $1::bigint OR ranked.used_at < now() - make_interval(days => $2))
           RETURNING usage_series.key
         )
         DELETE FROM usage_block USING gone WHERE usage_block.key = gone.key`,
        [this.settings.USAGE_STORE_MAX_MB * 1024 * 1024, this.settings.USAGE_STORE_DAYS],
      );
      await transaction.query(
        'DELETE FROM usage_block USING usage_series AS series WHERE usage_block.key = series.key AND block < first_block',
      );
    });
  }

  private async deleteReplaced(transaction: EntityManager, series: WriteBatch['series']): Promise<void> {
    const replaced = series.filter(({ replacesAll }) => replacesAll).map(({ key }) => key);
    if (replaced.length > 0) await transaction.query('DELETE FROM usage_block WHERE key = ANY($1::uuid[])', [replaced]);
    await transaction.query(
      `DELETE FROM usage_block USING unnest($1::uuid[], $2::integer[]) AS written (key, block)
       WHERE usage_block.key = written.key AND usage_block.block = written.block`,
      [series.flatMap(({ key, numbers }) => numbers.map(() => key)), series.flatMap(({ numbers }) => numbers)],
    );
  }
}

async function copyIn(client: PoolClient, bytes: Buffer): Promise<void> {
  const stream = client.query(copyFrom('COPY usage_block (key, block, data) FROM STDIN (FORMAT binary)'));
  await new Promise<void>((resolve, reject) => {
    // It finishes when PostgreSQL has said that it has them.
    stream.once('finish', resolve).once('error', reject);
    stream.end(bytes);
  });
}
