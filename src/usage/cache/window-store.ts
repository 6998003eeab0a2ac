import type { PoolClient } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { DataSource, EntityManager } from 'typeorm';
import { inTransaction } from '../../database/database-pool.js';
import type { MetricProfiles } from '../../profiles/metric-profile.js';
import { logOf } from '../../settings/logger.js';
import type { Settings } from '../../settings/settings-schema.js';
import type { UsageRequest } from '../usage-reader.js';
import type { WindowWrites } from './copy-rows.js';
import { blockOf, rangeOf } from './row-numbers.js';
import { windowKeys } from './window-key.js';

const log = logOf('usage');

/** What is looked up of a request. */
type StoredRequest = Pick<UsageRequest, 'datasource' | 'metricProfile' | 'experiments' | 'endSeconds' | 'stepSeconds' | 'rows' | 'refresh'>;

/** Maximum bytes that wait to be stored. What does not fit is read again by the next job. */
const maxPendingBytes = 64 * 1024 * 1024;
const clearUpMs = 10 * 60_000;

/** Any numbers, the same in every process of ours: one for those who write, one for those who clear up. */
const lockKeys = { write: 7_281_554_302, clearUp: 7_281_554_303 } as const;

/** Usage windows in PostgreSQL. Blocks go in and out by binary COPY: a seventh of the CPU of statements that return bytea as text (measured). */
export class WindowStore {
  private readonly pending: WindowWrites[] = [];
  private writing: Promise<void> | undefined;
  private clearedUpAt = Number.NEGATIVE_INFINITY;
  private readonly warned = new Set<string>();

  constructor(
    private readonly database: DataSource,
    private readonly profiles: Pick<MetricProfiles, 'find'>,
    private readonly settings: Pick<Settings, 'USAGE_SCOPE' | 'USAGE_STORE_DAYS' | 'USAGE_STORE_MAX_MB'>,
  ) {}

  /**
   * The stored windows of a request's experiments, as rows of a binary COPY; undefined if there are none to use. Never rejects: without them all usage is
   * read again.
   */
  async load(request: StoredRequest): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const profile = this.profiles.find(request.metricProfile);
    if (!profile || request.refresh) return undefined;
    const window = rangeOf(request);
    try {
      return await this.copyOut(windowKeys(request, profile, this.settings.USAGE_SCOPE), blockOf(window.from), blockOf(window.to));
    } catch (error) {
      this.warnOnce('stored usage cannot be loaded: all of it is read again', error);
      return undefined;
    }
  }

  /** Stores windows in the background. Readers never wait for it and never see its errors. */
  add(writes: WindowWrites): void {
    const waiting = this.pending.reduce((sum, { copy }) => sum + copy.buffer.byteLength, 0);
    if (waiting + writes.copy.buffer.byteLength > maxPendingBytes) {
      this.warnOnce('usage windows come faster than PostgreSQL stores them: some are not stored');
      return;
    }
    this.pending.push(writes);
    this.startWriting();
  }

  /** Resolves when everything that was added is stored, or could not be. */
  async flush(): Promise<void> {
    while (this.writing) await this.writing;
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.flush();
  }

  private startWriting(): void {
    this.writing ??= this.writePending().finally(() => {
      this.writing = undefined;
      if (this.pending.length > 0) this.startWriting();
    });
  }

  private async writePending(): Promise<void> {
    try {
      for (let writes = this.pending.shift(); writes; writes = this.pending.shift()) await this.write(writes);
      if (performance.now() - this.clearedUpAt < clearUpMs) return;
      this.clearedUpAt = performance.now();
      await this.clearUp();
    } catch (error) {
      this.pending.length = 0;
      this.warnOnce('usage windows cannot be stored', error);
    }
  }

  private async copyOut(keys: readonly string[], first: number, last: number): Promise<Uint8Array<ArrayBuffer>> {
    // COPY takes no parameters. The keys are hexadecimal digits that we made.
    const list = keys.map((key) => `'${key}'`).join(', ');
    const query = `SELECT key, block, data FROM usage_block WHERE key IN (${list}) AND block BETWEEN ${Number(first)} AND ${Number(last)}`;
    const runner = this.database.createQueryRunner();
    try {
      const client: PoolClient = await runner.connect();
      const chunks: Buffer[] = [];
      for await (const chunk of client.query(copyTo(`COPY (${query}) TO STDOUT (FORMAT binary)`))) chunks.push(chunk as Buffer);
      return joined(chunks);
    } finally {
      await runner.release();
    }
  }

  /** Stores all of it or nothing. Writers wait for each other, so that two with the same experiment do not collide. */
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

/** The chunks in memory of their own, which can go to another thread. */
function joined(chunks: readonly Buffer[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

async function copyIn(client: PoolClient, bytes: Uint8Array): Promise<void> {
  const stream = client.query(copyFrom('COPY usage_block (key, block, data) FROM STDIN (FORMAT binary)'));
  await new Promise<void>((resolve, reject) => {
    // It finishes when PostgreSQL has said that it has them.
    stream.once('finish', resolve).once('error', reject);
    stream.end(bytes);
  });
}
