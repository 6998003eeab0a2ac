import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { logOf } from '../../settings/logger.js';
import { sizeOf, WindowStore, type WindowWrite, WriteBatch } from './window-store.js';

const log = logOf('usage');

/** Most bytes that wait to be written, in one thread; what comes beyond is dropped and read again by the next job. */
const mostPendingBytes = 32 * 1024 * 1024;
/** Bytes of one transaction, with what COPY needs less than the 4 MiB that a batch's memory grows to. */
const batchBytes = 4_000_000;
/** Reads go first: writing begins when there has been none for so long, … */
const quietMs = 50;
/** … or when something has waited for so long, or half the room is taken. */
const longestWaitMs = 2_000;
const clearUpMs = 10 * 60_000;

/** Writes windows to the store after those who read them have gone on; never makes them wait, never fails them. */
@Injectable()
export class WriteBehind implements BeforeApplicationShutdown {
  /** What waits; a batch that is being written waits no more. */
  private readonly pending: WriteBatch[] = [];
  private waitingSince = 0;
  private readers = 0;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> | undefined;
  private clearedUpAt = Number.NEGATIVE_INFINITY;
  private readonly said = new Set<string>();

  constructor(@Inject(WindowStore) private readonly store: Pick<WindowStore, 'write' | 'clearUp'>) {}

  /** Runs a read; while any runs, writing is put off. */
  async during<T>(read: () => Promise<T>): Promise<T> {
    this.readers++;
    try {
      return await read();
    } finally {
      this.readers--;
    }
  }

  /** Copies what is to be written. */
  add(writes: readonly WindowWrite[]): void {
    if (this.pending.length === 0) this.waitingSince = performance.now();
    for (const write of writes) {
      if (this.pendingBytes + sizeOf(write) <= mostPendingBytes) this.batchFor(write).add(write);
      else this.sayOnce('usage windows come faster than PostgreSQL takes them: some are not stored');
    }
    this.writeSoon();
  }

  /** Writes all that waits; resolves also when it cannot be written. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writing ??= this.writePending().finally(() => {
      this.writing = undefined;
      if (this.pending.length > 0) this.writeSoon();
    });
    await this.writing;
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.flush();
  }

  private writeSoon(): void {
    if (this.timer || this.writing) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      const isUrgent = this.pendingBytes > mostPendingBytes / 2 || performance.now() - this.waitingSince > longestWaitMs;
      if (this.readers > 0 && !isUrgent) this.writeSoon();
      else void this.flush();
    }, quietMs);
  }

  private async writePending(): Promise<void> {
    try {
      for (let batch = this.pending.shift(); batch; batch = this.pending.shift()) {
        await this.store.write(batch);
        batch.give();
      }
      if (performance.now() - this.clearedUpAt < clearUpMs) return;
      this.clearedUpAt = performance.now();
      await this.store.clearUp();
    } catch (error) {
      for (const batch of this.pending.splice(0)) batch.give();
      this.sayOnce('usage windows cannot be stored', error);
    }
  }

  private get pendingBytes(): number {
    return this.pending.reduce((sum, { length }) => sum + length, 0);
  }

  /** The newest batch, or a new one where that is full or has the experiment already: later blocks replace earlier ones. */
  private batchFor(write: WindowWrite): WriteBatch {
    const newest = this.pending.at(-1);
    if (newest && newest.length + sizeOf(write) <= batchBytes && !newest.has(write.key)) return newest;
    const batch = new WriteBatch();
    this.pending.push(batch);
    return batch;
  }

  private sayOnce(text: string, error?: unknown): void {
    if (this.said.has(text)) return;
    this.said.add(text);
    log.warn(error === undefined ? {} : { error: String(error) }, text);
  }
}
