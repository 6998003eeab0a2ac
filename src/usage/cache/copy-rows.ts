import { GrowingBuffer } from './growing-buffer.js';
import type { WindowBlock } from './window-block.js';

/** Header of PostgreSQL's binary COPY format: signature, flags, no extension. */
export const copyHeader = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex');
export const copyTrailer = Buffer.from('ffff', 'hex');
/** Bytes of a row besides its values: the number of fields and the length of each of the three. */
const rowOverhead = 2 + 3 * 4;
const keyBytes = 16;

/** Appends a row (key uuid, block integer, data bytea). */
export function appendCopyRow(key: string, { number, data }: WindowBlock, buffer: GrowingBuffer): void {
  const bytes = buffer.room(rowOverhead + keyBytes + 4 + data.length);
  let at = bytes.writeInt16BE(3, 0);
  at = bytes.writeInt32BE(keyBytes, at);
  at += bytes.write(key.replaceAll('-', ''), at, 'hex');
  at = bytes.writeInt32BE(4, at);
  at = bytes.writeInt32BE(number, at);
  at = bytes.writeInt32BE(data.length, at);
  data.copy(bytes, at);
}

/**
 * Reads rows (key, block, data) in COPY's binary format and groups them by key. Also accepts them nested in rows with one field, as LoadedWindows has them.
 * The blocks' data share the memory of `bytes`.
 */
export function readCopyRows(bytes: Buffer): Map<string, WindowBlock[]> {
  const blocks = new Map<string, WindowBlock[]>();
  let at = copyHeader.length;
  for (let fields = bytes.readInt16BE(at); fields > 0; fields = bytes.readInt16BE(at)) {
    // A row per experiment: its field begins with the first nested row.
    if (fields === 1) {
      at += 2 + 4;
      continue;
    }
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

/** Changes to the stored windows of one experiment. */
export interface WindowWrite {
  /** A UUID. */
  readonly key: string;
  /** They replace blocks with the same number. Empty if the windows were only used. */
  readonly blocks: readonly WindowBlock[];
  /** Whether all other blocks are deleted. */
  readonly replacesAll: boolean;
  /** Blocks before this one are no longer needed. */
  readonly firstBlock: number;
}

/** Changes to the stored windows of a task's experiments, as plain data that passes between threads. */
export interface WindowWrites {
  /** All blocks in the format of COPY usage_block FROM STDIN (FORMAT binary). Nothing else uses this memory. */
  readonly copy: Uint8Array<SharedArrayBuffer>;
  /** Each experiment once, with the numbers of its blocks in `copy`. */
  readonly series: readonly (Omit<WindowWrite, 'blocks'> & { readonly numbers: readonly number[] })[];
}

/** Windows that are passed to a task. */
export interface LoadedWindows {
  /** Binary COPY output with one row per experiment. Its only field contains the experiment's rows (key, block, data), encoded as COPY rows. */
  readonly stored?: Uint8Array<SharedArrayBuffer> | undefined;
  /** Memory for the windows that the task returns. */
  readonly memory?: SharedArrayBuffer | undefined;
}

/** The windows of one task: those loaded for it and those to store. */
export class TaskWindows {
  private readonly stored: ReadonlyMap<string, WindowBlock[]>;
  private readonly copy: GrowingBuffer;
  private readonly series: WindowWrites['series'][number][] = [];
  private readonly added = new Set<string>();
  private hasEnded = false;

  constructor({ stored, memory }: LoadedWindows = {}) {
    this.copy = new GrowingBuffer(memory);
    this.stored = stored ? readCopyRows(Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength)) : new Map();
  }

  blocksOf(key: string): readonly WindowBlock[] {
    return this.stored.get(key) ?? [];
  }

  /**
   * Copies the blocks. Ignores experiments that were already added, and all calls after `writes`, because a read may end after its task was halved or
   * failed.
   */
  add({ blocks, ...write }: WindowWrite): void {
    if (this.hasEnded || this.added.has(write.key)) return;
    this.added.add(write.key);
    if (this.series.length === 0) this.copy.append(copyHeader);
    for (const block of blocks) appendCopyRow(write.key, block, this.copy);
    this.series.push({ ...write, numbers: blocks.map(({ number }) => number) });
  }

  /** Returns everything that was added; undefined if nothing was. */
  writes(): WindowWrites | undefined {
    this.hasEnded = true;
    if (this.series.length === 0) return undefined;
    this.copy.append(copyTrailer);
    return { copy: this.copy.bytes, series: this.series };
  }
}
