import { Arena } from './arena.js';
import { appendCopyEnd, appendCopyRow, appendCopyStart } from './copy-rows.js';
import type { WindowBlock } from './window-block.js';

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
