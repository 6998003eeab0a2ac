import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { waitUntil } from '../../../test/servers/wait-until.js';
import { Arena } from './arena.js';
import { readCopyRows, type WindowWrite, type WriteBatch } from './window-store.js';
import { WriteBehind } from './write-behind.js';

describe('Arena', () => {
  it('holds what is appended, one behind the other, however much', () => {
    const arena = new Arena();
    const pieces = Array.from({ length: 5 }, (_, i) => Buffer.alloc(700_000, i + 1));
    for (const piece of pieces) arena.append(piece);
    expect(arena.length).toBe(3_500_000);
    expect(arena.bytes.equals(Buffer.concat(pieces))).toBe(true);
  });

  it('takes back what was not needed', () => {
    const arena = new Arena();
    arena.room(10).fill(7);
    arena.drop(8);
    arena.append(Buffer.from([9]));
    expect([...arena.bytes]).toEqual([7, 7, 9]);
  });

  it('leaves what was given out as it is when it grows', () => {
    const arena = new Arena();
    const first = arena.room(3);
    first.set([1, 2, 3]);
    arena.room(5_000_000);
    expect([...first]).toEqual([1, 2, 3]);
    expect([...arena.bytes.subarray(0, 3)]).toEqual([1, 2, 3]);
  });

  it('uses memory again, empty', () => {
    const arena = Arena.take();
    arena.append(Buffer.from('old'));
    arena.give();
    const again = Arena.take();
    expect([again === arena, again.length]).toEqual([true, 0]);
  });
});

const keyOf = (digit: string) => `${digit.repeat(8)}-0000-4000-8000-0123456789ab`;
const writeOf = (digit: string, size = 10, number = 1): WindowWrite => ({
  key: keyOf(digit),
  blocks: [{ number, data: Buffer.alloc(size) }],
  replacesAll: false,
  firstBlock: 0,
});
const mib = 1024 * 1024;

/** A store that keeps what it is given, when it is let. */
class RecordingStore {
  /** Of each batch the experiments' digits with the blocks' numbers and lengths. */
  readonly batches: [string, [number, number][]][][] = [];
  clearUps = 0;
  refuses = false;

  async write(batch: WriteBatch): Promise<void> {
    if (this.refuses) throw new Error('down');
    const rows = readCopyRows(batch.end());
    const blocksOf = (key: string) => (rows.get(key) ?? []).map(({ number, data }): [number, number] => [number, data.length]);
    this.batches.push(batch.series.map(({ key }) => [key[0]!, blocksOf(key)]));
  }

  async clearUp(): Promise<void> {
    this.clearUps++;
  }

  get keys(): string[] {
    return this.batches.flat().map(([digit]) => digit);
  }
}

let store: RecordingStore;
let behind: WriteBehind;
beforeEach(() => {
  store = new RecordingStore();
  behind = new WriteBehind(store);
});

describe('WriteBehind', () => {
  it('writes after reads have ended', async () => {
    let end = () => {};
    const read = behind.during(() => new Promise<void>((ended) => (end = ended)));
    behind.add([writeOf('a')]);
    await sleep(200);
    expect(store.keys).toEqual([]);
    end();
    await read;
    await waitUntil('it is written', () => store.keys.includes('a'));
  });

  it('does not wait for ever for reads to end', async () => {
    void behind.during(() => new Promise<void>(() => undefined));
    behind.add([writeOf('a')]);
    await waitUntil('it is written', () => store.keys.includes('a'));
  });

  it('writes two seconds after the first that waits, though more comes', async () => {
    jest.useFakeTimers();
    try {
      await jest.advanceTimersByTimeAsync(10_000);
      void behind.during(() => new Promise<void>(() => undefined));
      for (const key of ['a', 'b', 'c']) {
        behind.add([writeOf(key)]);
        await jest.advanceTimersByTimeAsync(600);
      }
      expect(store.keys).toEqual([]);
      await jest.advanceTimersByTimeAsync(600);
      expect(store.keys).toEqual(['a', 'b', 'c']);
    } finally {
      jest.useRealTimers();
    }
  });

  it('writes in batches of some megabytes, an experiment whole', async () => {
    behind.add(['a', 'b', 'c', 'd'].map((key) => writeOf(key, 1.8 * mib)));
    await behind.flush();
    expect(store.batches.map((batch) => batch.map(([digit]) => digit))).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it('drops what comes when too much waits, and takes more when that is written', async () => {
    behind.add([writeOf('a', 20 * mib), writeOf('b', 20 * mib), writeOf('c', 5 * mib)]);
    await behind.flush();
    expect(store.keys).toEqual(['a', 'c']);
    behind.add([writeOf('d', 30 * mib)]);
    await behind.flush();
    expect(store.keys).toEqual(['a', 'c', 'd']);
  });

  it('writes an experiment that comes twice in two batches, the later one last', async () => {
    behind.add([writeOf('a', 1, 1), writeOf('b')]);
    behind.add([{ ...writeOf('a', 2, 1), blocks: [...writeOf('a', 2, 1).blocks, ...writeOf('a', 3, 2).blocks] }]);
    await behind.flush();
    expect(store.batches).toEqual([
      [
        ['a', [[1, 1]]],
        ['b', [[1, 10]]],
      ],
      [
        [
          'a',
          [
            [1, 2],
            [2, 3],
          ],
        ],
      ],
    ]);
  });

  it('copies what it is given', async () => {
    const write = writeOf('a', 5);
    behind.add([write]);
    write.blocks[0]!.data.fill(1);
    let written: Buffer | undefined;
    store.write = async (batch) => {
      written = Buffer.from(readCopyRows(batch.end()).get(keyOf('a'))![0]!.data);
    };
    await behind.flush();
    expect(written).toEqual(Buffer.alloc(5));
  });

  it('goes on after a failure, with what comes then', async () => {
    store.refuses = true;
    behind.add([writeOf('a')]);
    await behind.flush();
    store.refuses = false;
    behind.add([writeOf('b')]);
    await behind.flush();
    expect(store.keys).toEqual(['b']);
  });

  it('writes what waits before the application ends', async () => {
    behind.add([writeOf('a')]);
    await behind.beforeApplicationShutdown();
    expect(store.keys).toEqual(['a']);
  });

  it('writes what was added while a batch was written', async () => {
    behind.add([writeOf('a')]);
    const flushed = behind.flush();
    behind.add([writeOf('b')]);
    await flushed;
    await waitUntil('both are written', () => store.keys.join() === 'a,b');
  });

  it('clears up after the first write and then rarely', async () => {
    for (const key of ['a', 'b', 'c']) {
      behind.add([writeOf(key)]);
      await behind.flush();
    }
    expect(store.clearUps).toBe(1);
  });
});
