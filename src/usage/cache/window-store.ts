import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import type { PoolClient } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { DataSource, EntityManager } from 'typeorm';
import { inTransaction } from '../../database/database-pool.js';
import type { MetricProfiles } from '../../profiles/metric-profile.js';
import { logOf } from '../../settings/logger.js';
import type { Settings } from '../../settings/settings-schema.js';
import type { UsageRequest } from '../usage-reader.js';
import type { LoadedWindows, WindowWrites } from './copy-rows.js';
import { GrowingBuffer } from './growing-buffer.js';
import { windowKeys } from './window-key.js';
import { blockOf, rangeOf } from './window-rows.js';

const log = logOf('usage');

/** The part of a request that identifies stored windows. */
type StoredRequest = Pick<UsageRequest, 'datasource' | 'metricProfile' | 'experiments' | 'endSeconds' | 'stepSeconds' | 'rows' | 'refresh'>;

/** Maximum bytes of pending windows. Windows that do not fit are not stored; the next job reads them again. */
const maxPendingBytes = 64 * 1024 * 1024;
/** Reads take precedence: writing starts when no read runs, checked at this interval. */
const quietMs = 50;
/** Writing also starts when windows have waited for this long, or when half of `maxPendingBytes` is pending. */
const maxWaitMs = 2_000;
/** Buffers kept for later tasks: their maximum number, and the smallest and largest size worth keeping. */
const maxIdle = 8;
const minIdleBytes = 1024 * 1024;
const maxIdleBytes = 8 * 1024 * 1024;
const sliceBytes = 256 * 1024;
const cleanUpMs = 10 * 60_000;

/** Arbitrary advisory lock keys, the same in all processes: one for writing, one for the clean-up. */
const lockKeys = { write: 7_281_554_302, cleanUp: 7_281_554_303 } as const;

/** Usage windows in PostgreSQL. Blocks are read and written with binary COPY, which needs a seventh of the CPU of statements that return bytea as text (measured). */
export class WindowStore {
  private readonly pending: WindowWrites[] = [];
  private writing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private waitingSince = 0;
  private readers = 0;
  /** Memory for the windows of later tasks. New memory for each task would cost full garbage collections in every thread. */
  private readonly idle: SharedArrayBuffer[] = [];
  private cleanedUpAt = Number.NEGATIVE_INFINITY;
  private readonly warned = new Set<string>();

  constructor(
    private readonly database: DataSource,
    private readonly profiles: Pick<MetricProfiles, 'find'>,
    private readonly settings: Pick<Settings, 'USAGE_SCOPE' | 'USAGE_STORE_DAYS' | 'USAGE_STORE_MAX_MB'>,
  ) {}

  /** Runs a read. Writing waits while reads run. */
  async during<T>(read: () => Promise<T>): Promise<T> {
    this.readers++;
    try {
      return await read();
    } finally {
      this.readers--;
    }
  }

  /** Loads the stored windows of a request's experiments. Never rejects: without them all usage is read again. */
  async load(request: StoredRequest): Promise<LoadedWindows> {
    const profile = this.profiles.find(request.metricProfile);
    const memory = this.idle.pop();
    if (!profile || request.refresh) return { memory };
    const window = rangeOf(request);
    try {
      const keys = windowKeys(request, profile, this.settings.USAGE_SCOPE);
      return { stored: await this.copyOut(keys, blockOf(window.from), blockOf(window.to)), memory };
    } catch (error) {
      this.warnOnce('cannot load stored usage; all usage is read again', error);
      return { memory };
    }
  }

  /** Stores windows in the background. Readers never wait for it and never see its errors. `memory` is reused for other tasks. */
  add(writes: WindowWrites | undefined, memory: readonly SharedArrayBuffer[] = []): void {
    for (const buffer of memory) this.reuse(buffer);
    if (!writes) return;
    if (this.pendingBytes + writes.copy.length > maxPendingBytes) {
      this.reuse(writes.copy.buffer);
      this.warnOnce('usage windows arrive faster than PostgreSQL stores them; some are not stored');
      return;
    }
    if (this.pending.length === 0) this.waitingSince = performance.now();
    this.pending.push(this.compact(writes));
    this.writeSoon();
  }

  /** Writes all pending windows. Resolves even if they cannot be stored. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    while (this.writing || this.pending.length > 0) {
      this.writing ??= this.writePending().finally(() => {
        this.writing = undefined;
      });
      await this.writing;
    }
  }

  private get pendingBytes(): number {
    return this.pending.reduce((sum, { copy }) => sum + copy.length, 0);
  }

  private writeSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const isUrgent = this.pendingBytes > maxPendingBytes / 2 || performance.now() - this.waitingSince > maxWaitMs;
      if (this.readers > 0 && !isUrgent) this.writeSoon();
      else void this.flush();
    }, quietMs);
  }

  /** Copies windows that fill less than a quarter of their buffer, as after a repeated job, and frees the buffer for later tasks while they wait to be written. */
  private compact(writes: WindowWrites): WindowWrites {
    const { buffer, length } = writes.copy;
    if (4 * length > buffer.byteLength) return writes;
    const copy = new Uint8Array(new SharedArrayBuffer(length));
    copy.set(writes.copy);
    this.reuse(buffer);
    return { ...writes, copy };
  }

  private reuse(buffer: SharedArrayBuffer): void {
    if (this.idle.length < maxIdle && buffer.byteLength >= minIdleBytes && buffer.byteLength <= maxIdleBytes) this.idle.push(buffer);
  }

  private async writePending(): Promise<void> {
    try {
      for (let writes = this.pending.shift(); writes; writes = this.pending.shift()) {
        await this.write(writes);
        this.reuse(writes.copy.buffer);
      }
      if (performance.now() - this.cleanedUpAt < cleanUpMs) return;
      this.cleanedUpAt = performance.now();
      await this.cleanUp();
    } catch (error) {
      this.pending.length = 0;
      this.warnOnce('cannot store usage windows; the next jobs read this usage again', error);
    }
  }

  private async copyOut(keys: readonly string[], first: number, last: number): Promise<Uint8Array<SharedArrayBuffer>> {
    // COPY accepts no parameters. The keys are our own hexadecimal digits.
    const list = keys.map((key) => `'${key}'`).join(', ');
    // A row as readCopyRows reads it: three fields, and the length before each of them.
    const row = `'\\x000300000010'::bytea || uuid_send(key) || '\\x00000004'::bytea || int4send(block) || int4send(octet_length(data)) || data`;
    const blocks = `usage_block WHERE key IN (${list}) AND block BETWEEN ${Number(first)} AND ${Number(last)}`;
    // One value per experiment instead of a message per block, of which an experiment has one per day.
    const query = `SELECT string_agg(${row}, '') FROM ${blocks} GROUP BY key`;
    const runner = this.database.createQueryRunner();
    try {
      const client: PoolClient = await runner.connect();
      const buffer = new GrowingBuffer(this.idle.pop());
      const rows = client.query(copyTo(`COPY (${query}) TO STDOUT (FORMAT binary)`));
      rows.on('data', (chunk: Buffer) => buffer.append(chunk));
      await finished(rows);
      return buffer.bytes;
    } finally {
      await runner.release();
    }
  }

  /** Stores everything or nothing. Writers wait for each other, so that two writes of one experiment do not conflict. */
  async write({ copy, series }: WindowWrites): Promise<void> {
    await inTransaction(this.database, async (transaction) => {
      await transaction.query('SELECT pg_advisory_xact_lock($1)', [lockKeys.write]);
      await this.deleteReplaced(transaction, series);
      await copyIn(await transaction.queryRunner!.connect(), copy);
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

  /** Deletes windows that are too old, long unused or, least recently used first, beyond the size limit. Does nothing if another process is cleaning up. */
  async cleanUp(): Promise<void> {
    await inTransaction(this.database, async (transaction) => {
      const [{ locked }] = await transaction.query('SELECT pg_try_advisory_xact_lock($1) AS locked', [lockKeys.cleanUp]);
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

  private async deleteReplaced(transaction: EntityManager, series: WindowWrites['series']): Promise<void> {
    const replaced = series.filter(({ replacesAll }) => replacesAll).map(({ key }) => key);
    if (replaced.length > 0) await transaction.query('DELETE FROM usage_block WHERE key = ANY($1::uuid[])', [replaced]);
    await transaction.query(
      `DELETE FROM usage_block USING unnest($1::uuid[], $2::integer[]) AS written (key, block)
       WHERE usage_block.key = written.key AND usage_block.block = written.block`,
      [series.flatMap(({ key, numbers }) => numbers.map(() => key)), series.flatMap(({ numbers }) => numbers)],
    );
  }

  private warnOnce(text: string, error?: unknown): void {
    if (this.warned.has(text)) return;
    this.warned.add(text);
    log.warn(error === undefined ? {} : { error: String(error) }, text);
  }
}

/** Resolves after PostgreSQL has confirmed the rows. */
async function copyIn(client: PoolClient, bytes: Uint8Array): Promise<void> {
  await pipeline(Readable.from(slices(bytes)), client.query(copyFrom('COPY usage_block (key, block, data) FROM STDIN (FORMAT binary)')));
}

/** Megabytes in one piece would keep the event loop busy for as long as the kernel copies them. */
function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += sliceBytes) yield bytes.subarray(from, from + sliceBytes);
}
