import { setTimeout as sleep } from 'node:timers/promises';
import type { WindowWrite } from './window-write.js';
import { WriteBehind } from './write-behind.js';

const writeOf = (key: string, size = 10, number = 1): WindowWrite => ({
  key,
  blocks: [{ number, data: Buffer.alloc(size) }],
  replacesAll: false,
  firstBlock: 0,
});
const mib = 1024 * 1024;

/** A store that keeps what it is given, when it is let. */
class RecordingStore {
  readonly batches: (readonly WindowWrite[])[] = [];
  clearUps = 0;
  refuses = false;

  async write(writes: readonly WindowWrite[]): Promise<void> {
    if (this.refuses) throw new Error('down');
    this.batches.push(writes);
  }

  async clearUp(): Promise<void> {
    this.clearUps++;
  }

  get keys(): string[] {
    return this.batches.flat().map(({ key }) => key);
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
    await sleep(200);
    expect(store.keys).toEqual(['a']);
  });

  it('does not wait for ever for reads to end', async () => {
    void behind.during(() => new Promise<void>(() => undefined));
    behind.add([writeOf('a')]);
    await sleep(2_500);
    expect(store.keys).toEqual(['a']);
  });

  it('writes in batches of some megabytes, an experiment whole', async () => {
    behind.add(['a', 'b', 'c', 'd'].map((key) => writeOf(key, 3 * mib)));
    await behind.flush();
    expect(store.batches.map((batch) => batch.map(({ key }) => key))).toEqual([
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

  it('writes an experiment that comes twice once, with the later blocks', async () => {
    behind.add([writeOf('a', 1, 1), writeOf('b')]);
    behind.add([{ ...writeOf('a', 2, 1), blocks: [...writeOf('a', 2, 1).blocks, ...writeOf('a', 3, 2).blocks] }]);
    await behind.flush();
    const written = store.batches.flat().find(({ key }) => key === 'a');
    expect(written!.blocks.map(({ number, data }) => [number, data.length])).toEqual([
      [1, 2],
      [2, 3],
    ]);
    expect(store.keys.sort()).toEqual(['a', 'b']);
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
    await sleep(200);
    expect(store.keys).toEqual(['a', 'b']);
  });

  it('clears up after the first write and then rarely', async () => {
    for (const key of ['a', 'b', 'c']) {
      behind.add([writeOf(key)]);
      await behind.flush();
    }
    expect(store.clearUps).toBe(1);
  });
});
