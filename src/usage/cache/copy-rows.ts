import { GrowingBuffer } from './growing-buffer.js';
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
export function appendCopyStart(bytes: GrowingBuffer): void {
  bytes.append(header);
}

/** Appends a row (key uuid, block integer, data bytea). */
export function appendCopyRow({ key, block: { number, data } }: KeyedBlock, buffer: GrowingBuffer): void {
  const bytes = buffer.room(rowOverhead + keyBytes + 4 + data.length);
  let at = bytes.writeInt16BE(3, 0);
  at = bytes.writeInt32BE(keyBytes, at);
  at += bytes.write(key.replaceAll('-', ''), at, 'hex');
  at = bytes.writeInt32BE(4, at);
  at = bytes.writeInt32BE(number, at);
  at = bytes.writeInt32BE(data.length, at);
  data.copy(bytes, at);
}

/** What comes behind the rows. */
export function appendCopyEnd(bytes: GrowingBuffer): void {
  bytes.append(trailer);
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

/** What is to be written of one experiment. */
export interface WindowWrite {
  /** A UUID. */
  readonly key: string;
  /** They replace blocks of the same number; none = the windows were only used. */
  readonly blocks: readonly WindowBlock[];
  /** Whether all other blocks are deleted. */
  readonly replacesAll: boolean;
  /** Blocks before this one are no longer needed. */
  readonly firstBlock: number;
}

/** What is to be written of a task's experiments, as plain data that goes from thread to thread. */
export interface WindowWrites {
  /** All blocks, as COPY usage_block FROM STDIN (FORMAT binary) reads them. The memory is not shared with anything else. */
  readonly copy: Uint8Array<SharedArrayBuffer>;
  /** Each experiment once, with the numbers of its blocks in `copy`. */
  readonly series: readonly (Omit<WindowWrite, 'blocks'> & { readonly numbers: readonly number[] })[];
}

/** Windows that go to a task with it. */
export interface LoadedWindows {
  /** Rows as COPY TO STDOUT (FORMAT binary) returns them. */
  readonly stored?: Uint8Array<SharedArrayBuffer> | undefined;
  /** Memory for the windows that the task returns. */
  readonly memory?: SharedArrayBuffer | undefined;
}

/** The stored windows of one task: those that were loaded for it, and those that are to be stored. */
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

  /** Copies the blocks. An experiment that was added before is ignored, and so is everything after `writes`: a read may end after its task was halved or failed. */
  add({ blocks, ...write }: WindowWrite): void {
    if (this.hasEnded || this.added.has(write.key)) return;
    this.added.add(write.key);
    if (this.series.length === 0) appendCopyStart(this.copy);
    for (const block of blocks) appendCopyRow({ key: write.key, block }, this.copy);
    this.series.push({ ...write, numbers: blocks.map(({ number }) => number) });
  }

  /** Everything that was added; undefined if nothing was. */
  writes(): WindowWrites | undefined {
    this.hasEnded = true;
    if (this.series.length === 0) return undefined;
    appendCopyEnd(this.copy);
    return { copy: this.copy.bytes, series: this.series };
  }
}
