import { Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { DataSource, type EntityManager } from 'typeorm';
import { inTransaction } from '../../database/database-pool.js';
import { InjectSettings } from '../../settings/settings.module.js';
import type { Settings } from '../../settings/settings-schema.js';
import { Arena } from './arena.js';
import type { WindowBlock } from './window-block.js';

/** A block and whose it is. */
export interface KeyedBlock {
  /** A UUID. */
  readonly key: string;
  readonly block: WindowBlock;
}

/** How PostgreSQL's COPY in binary form begins: signature, flags, no extension. */
const header = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex');
const trailer = Buffer.from('ffff', 'hex');
/** Of one row: three fields, and the length of each. */
const rowOverhead = 2 + 3 * 4;
const keyBytes = 16;

/** What comes before the rows of COPY … FROM STDIN (FORMAT binary). */
export function appendCopyStart(arena: Arena): void {
  arena.append(header);
}

/** Appends a row (key uuid, block integer, data bytea). */
export function appendCopyRow({ key, block: { number, data } }: KeyedBlock, arena: Arena): void {
  const bytes = arena.room(rowOverhead + keyBytes + 4 + data.length);
  let at = bytes.writeInt16BE(3, 0);
  at = bytes.writeInt32BE(keyBytes, at);
  at += bytes.write(key.replaceAll('-', ''), at, 'hex');
  at = bytes.writeInt32BE(4, at);
  at = bytes.writeInt32BE(number, at);
  at = bytes.writeInt32BE(data.length, at);
  data.copy(bytes, at);
}

/** What comes behind the rows. */
export function appendCopyEnd(arena: Arena): void {
  arena.append(trailer);
}

/** The rows (key, block, data) from what COPY … TO STDOUT (FORMAT binary) gives, by key. The blocks' data are parts of `bytes`. */
export function readCopyRows(bytes: Buffer): Map<string, WindowBlock[]> {
  const blocks = new Map<string, WindowBlock[]>();
  let at = header.length;
  while (bytes.readInt16BE(at) === 3) {
    const key = uuidOf(bytes.toString('hex', at + 6, at + 6 + keyBytes));
    at += 6 + keyBytes + 4;
    const number = bytes.readInt32BE(at);
    const length = bytes.readInt32BE(at + 4);
    at += 8 + length;
    const block = { number, data: bytes.subarray(at - length, at) };
    const known = blocks.get(key);
    if (known) known.push(block);
    else blocks.set(key, [block]);
  }
  return blocks;
}

/** A UUID from its 32 hexadecimal digits. */
export function uuidOf(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** What is written of one experiment. */
export interface WindowWrite {
  /** A UUID. */
  readonly key: string;
  /** Replace those of the same number; none = it was only used. */
  readonly blocks: readonly WindowBlock[];
  /** Whether blocks that are not named go. */
  readonly replacesAll: boolean;
  /** Blocks before this one are not needed any more. */
  readonly firstBlock: number;
}

/** A series whose blocks are among a batch's rows. */
interface WrittenSeries extends Omit<WindowWrite, 'blocks'> {
  readonly numbers: readonly number[];
}

/** What one transaction writes: copies of blocks, in memory that is given back. */
export class WriteBatch {
  private readonly byKey = new Map<string, WrittenSeries>();
  private readonly arena = Arena.take();

  constructor() {
    appendCopyStart(this.arena);
  }

  /** Of each experiment what is to be written, but for the blocks' data. */
  get series(): readonly WrittenSeries[] {
    return [...this.byKey.values()];
  }

  get length(): number {
    return this.arena.length;
  }

  has(key: string): boolean {
    return this.byKey.has(key);
  }

  /** Copies the blocks of an experiment that is not in the batch yet. */
  add({ blocks, ...write }: WindowWrite): void {
    for (const block of blocks) appendCopyRow({ key: write.key, block }, this.arena);
    this.byKey.set(write.key, { ...write, numbers: blocks.map(({ number }) => number) });
  }

  /** All blocks as COPY takes them; nothing can be added any more. */
  end(): Buffer {
    appendCopyEnd(this.arena);
    return this.arena.bytes;
  }

  /** The batch is written, or was never begun to be: nobody looks at its bytes any more. */
  give(): void {
    this.arena.give();
  }
}

/** Bytes of a write's blocks. */
export function sizeOf({ blocks }: WindowWrite): number {
  return blocks.reduce((sum, { data }) => sum + data.length, 0);
}

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
