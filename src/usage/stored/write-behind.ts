import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { logOf } from '../../settings/logger.js';
import { WindowStore } from './window-store.js';
import { joinWrites, sizeOf, type WindowWrite } from './window-write.js';

const log = logOf('usage');

/** Most bytes that wait to be written, in one thread; what comes beyond is dropped and read again by the next job. */
const mostPendingBytes = 32 * 1024 * 1024;
/** Bytes of one transaction. */
const batchBytes = 8 * 1024 * 1024;
/** Reads go first: writing begins when there has been none for so long, … */
const quietMs = 50;
/** … or when something has waited for so long, or half the room is taken. */
const longestWaitMs = 2_000;
const clearUpMs = 10 * 60_000;

/** Writes windows to the store after those who read them have gone on; never makes them wait, never fails them. */
@Injectable()
export class WriteBehind implements BeforeApplicationShutdown {
  /** What waits, by key; a batch that is being written waits no more. */
  private readonly pending = new Map<string, WindowWrite>();
  private pendingBytes = 0;
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

  add(writes: readonly WindowWrite[]): void {
    if (this.pending.size === 0) this.waitingSince = performance.now();
    for (const write of writes) {
      const earlier = this.pending.get(write.key);
      const joined = earlier ? joinWrites(earlier, write) : write;
      const bytes = this.pendingBytes + sizeOf(joined) - (earlier ? sizeOf(earlier) : 0);
      if (bytes > mostPendingBytes) {
        this.sayOnce('usage windows come faster than PostgreSQL takes them: some are not stored');
        continue;
      }
      this.pending.set(write.key, joined);
      this.pendingBytes = bytes;
    }
    this.writeSoon();
  }

  /** Writes all that waits; resolves also when it cannot be written. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writing ??= this.writePending().finally(() => {
      this.writing = undefined;
      if (this.pending.size > 0) this.writeSoon();
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
      while (this.pending.size > 0) await this.store.write(this.takeBatch());
      if (performance.now() - this.clearedUpAt < clearUpMs) return;
      this.clearedUpAt = performance.now();
      await this.store.clearUp();
    } catch (error) {
      this.pending.clear();
      this.pendingBytes = 0;
      this.sayOnce('usage windows cannot be stored', error);
    }
  }

  private takeBatch(): WindowWrite[] {
    const batch: WindowWrite[] = [];
    let bytes = 0;
    for (const [key, write] of this.pending) {
      if (batch.length > 0 && bytes + sizeOf(write) > batchBytes) break;
      batch.push(write);
      bytes += sizeOf(write);
      this.pending.delete(key);
    }
    this.pendingBytes -= bytes;
    return batch;
  }

  private sayOnce(text: string, error?: unknown): void {
    if (this.said.has(text)) return;
    this.said.add(text);
    log.warn(error === undefined ? {} : { error: String(error) }, text);
  }
}
