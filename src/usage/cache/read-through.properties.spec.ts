import fc from 'fast-check';
import type { ContainerExperiment } from '../../experiments/experiment.js';
import { MetricProfiles } from '../../profiles/metric-profile.js';
import type { UsageColumn, UsageTable } from '../../recommendation/usage-table.js';
import { readSettings } from '../../settings/read-settings.js';
import { TableDraft } from '../table-draft.js';
import { UsageReader, type UsageRequest } from '../usage-reader.js';
import { StoredUsageReader } from './read-through.js';
import { blockRows, rangeOf } from './row-numbers.js';
import { type WindowBlock } from './window-block.js';
import { readCopyRows, type WriteBatch } from './window-store.js';
import { WriteBehind } from './write-behind.js';

const stepSeconds = 900;
/** Rows of the world are numbered from here, not far before the end of a block. */
const firstRow = 20_000 * blockRows - 30;
const worldRows = 500;
/** Samples come that many rows late at most: an hour, the default overlap. */
const mostLate = 4;
/** Containers are asked about that many rows before the end whether they were ever active. */
const activityRows = 300;

/** What happened to a container from one row to another. */
interface Episode {
  readonly from: number;
  readonly to: number;
  readonly cpu: number;
  readonly late: number;
  readonly jvm?: string;
  readonly gpu?: string;
}

const anyEpisode: fc.Arbitrary<Episode> = fc
  .record({
    from: fc.nat(worldRows),
    length: fc.integer({ min: 1, max: 250 }),
    cpu: fc.constantFrom(0, 0, 0.25, 1.7),
    late: fc.nat(mostLate),
    jvm: fc.option(fc.constantFrom('11', '17', '21'), { nil: undefined }),
    gpu: fc.option(fc.constantFrom('NVIDIA-A100', 'NVIDIA-H100'), { nil: undefined, freq: 3 }),
  })
  .map(({ length, ...episode }) => ({ ...episode, to: Math.min(worldRows, episode.from + length) }));

const anyJob = fc.record({
  wait: fc.oneof({ arbitrary: fc.integer({ min: 0, max: 3 }), weight: 4 }, { arbitrary: fc.nat(120), weight: 1 }),
  back: fc.oneof({ arbitrary: fc.constant(0), weight: 4 }, { arbitrary: fc.nat(40), weight: 1 }),
  rows: fc.constantFrom(150, 150, 20, 5),
  dropsInactive: fc.boolean(),
  refresh: fc.oneof({ arbitrary: fc.constant(false), weight: 8 }, { arbitrary: fc.constant(true), weight: 1 }),
});

/** A datasource with these containers. Of several JVMs or GPUs in a window it answers the first by name, as Prometheus does. */
class World extends UsageReader {
  now = 0;
  rowsRead = 0;

  constructor(private readonly histories: ReadonlyMap<string, readonly Episode[]>) {
    super();
  }

  override async read(request: UsageRequest): Promise<UsageTable[]> {
    this.rowsRead += request.rows * request.experiments.length;
    return request.experiments.map((experiment) =>
      this.tableOf(this.histories.get((experiment as ContainerExperiment).container)!, request),
    );
  }

  private tableOf(history: readonly Episode[], request: UsageRequest): UsageTable {
    const draft = new TableDraft(request);
    const window = rangeOf(request);
    const arrived = (from: number) =>
      history.flatMap((episode) => {
        const rows = { from: Math.max(episode.from, from), to: Math.min(episode.to, window.to - firstRow, this.now - episode.late + 1) };
        return rows.from < rows.to ? [{ ...episode, ...rows }] : [];
      });
    const seen = arrived(window.from - firstRow);
    const rowOf = (row: number) => row + firstRow - window.from;
    const set = (name: UsageColumn, row: number, value: number) => (draft.columnOf(name)[rowOf(row)] = value);
    const eachRow = ({ from, to }: Episode, visit: (row: number) => void) => {
      for (let row = from; row < to; row++) visit(row);
    };
    for (const episode of seen) {
      eachRow(episode, (row) => {
        draft.present[rowOf(row)] = 1;
        set('cpuUsage.avg', row, episode.cpu * (row % 7));
        set('cpuUsage.sum', row, episode.cpu * (row % 7));
        set('memoryUsage.max', row, 4096 * row);
      });
    }
    const first = (label: 'jvm' | 'gpu') => [...new Set(seen.flatMap((episode) => episode[label] ?? []))].sort()[0];
    const [jvm, gpu] = [first('jvm'), first('gpu')];
    if (jvm) draft.jvm = { runtime: 'r', vendor: 'v', version: jvm };
    for (const episode of seen.filter((each) => each.jvm === jvm && jvm)) {
      draft.jvmLastRow = Math.max(draft.jvmLastRow ?? 0, rowOf(episode.to - 1));
    }
    draft.acceleratorModel = gpu;
    for (const episode of seen.filter((each) => each.gpu === gpu && gpu)) {
      eachRow(episode, (row) => set('acceleratorMemoryUsage.max', row, row % 100));
    }
    const wasActive = arrived(window.to - firstRow - activityRows).some(({ cpu }) => cpu > 0);
    if (request.dropsInactive && !draft.hasActivity('cpuUsage.avg') && !wasActive) draft.clear();
    return draft.finish();
  }
}

/** What PostgreSQL does for us. */
class MemoryStore {
  private readonly blocks = new Map<string, Map<number, WindowBlock>>();

  async load(keys: readonly string[], { first, last }: { first: number; last: number }): Promise<Map<string, WindowBlock[]>> {
    const found = keys.map(
      (key) => [key, [...(this.blocks.get(key)?.values() ?? [])].filter(({ number }) => number >= first && number <= last)] as const,
    );
    return new Map(found.filter(([, blocks]) => blocks.length > 0).map(([key, blocks]) => [key, blocks]));
  }

  async write(batch: WriteBatch): Promise<void> {
    const rows = readCopyRows(Buffer.from(batch.end()));
    for (const { key, replacesAll } of batch.series) {
      const known = replacesAll ? new Map<number, WindowBlock>() : (this.blocks.get(key) ?? new Map<number, WindowBlock>());
      for (const block of rows.get(key) ?? []) known.set(block.number, block);
      this.blocks.set(key, known);
    }
  }

  async clearUp(): Promise<void> {}
}

const profiles = new MetricProfiles(readSettings({}));

function requestOf(
  containers: readonly string[],
  endRow: number,
  over: Pick<UsageRequest, 'rows' | 'dropsInactive' | 'refresh'>,
): UsageRequest {
  const experiments = containers.map(
    (container): ContainerExperiment => ({
      type: 'container',
      name: container,
      datasource: 'd',
      clusterName: 'c',
      pods: 1,
      namespace: 'n',
      workload: 'w',
      workloadType: 'deployment',
      container,
      image: 'i',
    }),
  );
  const datasource = {
    name: 'd',
    provider: 'prometheus',
    url: 'http://d',
    authentication: { type: 'none' },
    insecureSkipVerify: false,
  } as const;
  const endSeconds = (firstRow + endRow) * stepSeconds;
  return { datasource, metricProfile: 'resource-optimization-local-monitoring', experiments, endSeconds, stepSeconds, ...over };
}

function readerOf(world: World, settings = readSettings({})) {
  const store = new MemoryStore();
  const writes = new WriteBehind(store);
  return { reader: new StoredUsageReader(world, profiles, store, writes, settings), writes };
}

/** Tables as text, which is compared quickly. */
function textOf(tables: readonly UsageTable[]): string[] {
  return tables.map(({ present, columns, jvm, jvmLastRow, acceleratorModel, ...table }) => {
    const filled = Object.entries(columns).filter(([, values]) => values.some((value) => !Number.isNaN(value)));
    const lists = filled.sort().map(([name, values]) => [name, [...values]]);
    return JSON.stringify({ ...table, jvm, jvmLastRow, acceleratorModel, present: [...present], columns: lists });
  });
}

describe('StoredUsageReader', () => {
  it('gives the tables that a read of all would give, whatever jobs came before', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyEpisode, { maxLength: 5 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 150, max: 300 }),
        fc.array(anyJob, { minLength: 2, maxLength: 8 }),
        async (histories, start, jobs) => {
          const world = new World(new Map(histories.map((history, index) => [`c${index}`, history])));
          const { reader, writes } = readerOf(world);
          world.now = start;
          for (const { wait, back, ...job } of jobs) {
            world.now += wait;
            const request = requestOf(
              [...histories.keys()].map((index) => `c${index}`),
              world.now - back,
              job,
            );
            expect(textOf(await reader.read(request))).toEqual(textOf(await world.read(request)));
            await writes.flush();
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  const steady: Episode = { from: 0, to: worldRows, cpu: 1, late: 0 };

  it('reads little when little is new', async () => {
    const world = new World(new Map([['c0', [steady]]]));
    const { reader, writes } = readerOf(world);
    for (const [now, rows] of [
      [200, 150],
      [201, 5],
      [201, 4],
      [221, 24],
    ] as const) {
      // biome-ignore format: pairs
      world.now = now;
      world.rowsRead = 0;
      await reader.read(requestOf(['c0'], now, { rows: 150, dropsInactive: true }));
      await writes.flush();
      expect(world.rowsRead).toBe(rows);
    }
  });

  it('stores a longer window that ends where a shorter one did', async () => {
    const world = new World(new Map([['c0', [steady]]]));
    const { reader, writes } = readerOf(world);
    world.now = 200;
    for (const [rows, read] of [
      [20, 20],
      [150, 150],
      [150, 4],
    ] as const) {
      world.rowsRead = 0;
      await reader.read(requestOf(['c0'], 200, { rows, dropsInactive: false }));
      await writes.flush();
      expect(world.rowsRead).toBe(read);
    }
  });

  it('asks once about an idle container of which nothing is stored', async () => {
    const world = new World(new Map([['c0', [{ ...steady, cpu: 0 }]]]));
    world.now = 200;
    await readerOf(world).reader.read(requestOf(['c0'], 200, { rows: 150, dropsInactive: true }));
    expect(world.rowsRead).toBe(150);
  });

  it('keeps what a refresh of the same window has read', async () => {
    const histories = new Map([['c0', [steady]]]);
    const world = new World(histories);
    const { reader, writes } = readerOf(world);
    world.now = 200;
    const read = async (refresh: boolean) => {
      world.rowsRead = 0;
      const request = requestOf(['c0'], 200, { rows: 150, dropsInactive: false, refresh });
      expect(textOf(await reader.read(request))).toEqual(textOf(await world.read({ ...request, rows: 150 })));
      await writes.flush();
      return world.rowsRead - 150;
    };
    expect(await read(false)).toBe(150);
    histories.set('c0', [{ ...steady, cpu: 2 }]);
    expect(await read(true)).toBe(150);
    expect(await read(false)).toBeLessThan(10);
  });

  it('keeps the oldest block of the days that it is to keep', async () => {
    const world = new World(new Map([['c0', [steady]]]));
    const { reader, writes } = readerOf(world, readSettings({ USAGE_STORE_DAYS: '1' }));
    for (const [now, most] of [
      [125, 96],
      [126, 10],
    ] as const) {
      world.now = now;
      world.rowsRead = 0;
      await reader.read(requestOf(['c0'], now, { rows: 96, dropsInactive: false }));
      await writes.flush();
      expect(world.rowsRead).toBeLessThanOrEqual(most);
    }
  });

  it('reads little where a JVM was replaced by another one, though each of them may go first', async () => {
    for (const versions of [
      ['17', '21'],
      ['21', '17'],
    ]) {
      const world = new World(
        new Map([
          [
            'c0',
            [
              { ...steady, to: 180, jvm: versions[0] },
              { ...steady, from: 180, jvm: versions[1] },
            ],
          ],
        ]),
      );
      const { reader, writes } = readerOf(world);
      const read: number[] = [];
      for (world.now = 200; world.now < 360; world.now++) {
        world.rowsRead = 0;
        await reader.read(requestOf(['c0'], world.now, { rows: 150, dropsInactive: true }));
        await writes.flush();
        read.push(world.rowsRead);
      }
      expect(read.filter((rows) => rows > 5).length).toBeLessThanOrEqual(3);
    }
  });

  it('would be caught if the newest rows alone said which JVM a window has', async () => {
    const world = new World(
      new Map([
        [
          'c0',
          [
            { ...steady, to: 190, jvm: '17' },
            { ...steady, from: 190, jvm: '21' },
          ],
        ],
      ]),
    );
    world.now = 200;
    const request = (rows: number) => requestOf(['c0'], 200, { rows, dropsInactive: false });
    const [[whole], [newest]] = [await world.read(request(150)), await world.read(request(5))];
    expect([whole!.jvm!.version, newest!.jvm!.version]).toEqual(['17', '21']);
  });
});
