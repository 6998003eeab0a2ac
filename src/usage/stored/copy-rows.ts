import type { Arena } from './arena.js';
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
