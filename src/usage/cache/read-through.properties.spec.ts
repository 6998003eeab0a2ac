import fc from 'fast-check';
import { exampleCapabilities, exampleContainer, exampleDatasource } from '../../../test/examples.js';
import type { ContainerExperiment } from '../../experiments/experiment.js';
import { MetricProfiles } from '../../profiles/metric-profile.js';
import type { UsageColumn, UsageTable } from '../../recommendation/usage-table.js';
import { readSettings } from '../../settings/read-settings.js';
import { TableDraft } from '../table-draft.js';
import { UsageReader, type UsageRequest } from '../usage-reader.js';
import { appendCopyRow, copyHeader, copyTrailer, readCopyRows, TaskWindows, type WindowWrites } from './copy-rows.js';
import { GrowingBuffer } from './growing-buffer.js';
import { StoredUsageReader } from './read-through.js';
import { type WindowBlock } from './window-block.js';
import { windowKeys } from './window-key.js';
import { blockOf, blockRows, rangeOf } from './window-rows.js';

const stepSeconds = 900;
/** Number of the world's first row, shortly before the end of a block. */
const firstRow = 20_000 * blockRows - 30;
const worldRows = 500;
/** Maximum delay of samples, in rows: an hour, the default overlap. */
const maxLate = 4;
/** Number of rows before the end in which activity of a container is checked. */
const activityRows = 300;

/** State of a container in a range of rows. */
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
    late: fc.nat(maxLate),
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

/** A datasource with these containers. If a window has several JVMs or GPUs, it returns the first by name, as Prometheus does. */
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

/** Stores windows as PostgreSQL does. */
class MemoryStore {
  private readonly blocks = new Map<string, Map<number, WindowBlock>>();

  /** LoadedWindows' `stored`. */
  load(keys: readonly string[], first: number, last: number): Uint8Array {
    const rows = new GrowingBuffer();
    rows.append(copyHeader);
    for (const key of keys) {
      const blocks = [...(this.blocks.get(key)?.values() ?? [])].filter(({ number }) => number >= first && number <= last);
      for (const block of blocks) appendCopyRow(key, block, rows);
    }
    rows.append(copyTrailer);
    return rows.bytes;
  }

  write({ copy, series }: WindowWrites): void {
    const rows = readCopyRows(Buffer.from(copy));
    for (const { key, replacesAll } of series) {
      const known = replacesAll ? new Map<number, WindowBlock>() : (this.blocks.get(key) ?? new Map<number, WindowBlock>());
      for (const block of rows.get(key) ?? []) known.set(block.number, block);
      this.blocks.set(key, known);
    }
  }
}

const profiles = new MetricProfiles(readSettings({}));
const metricProfile = 'resource-optimization-local-monitoring';
const capabilities = exampleCapabilities();

function requestOf(
  containers: readonly string[],
  endRow: number,
  over: Pick<UsageRequest, 'rows' | 'dropsInactive' | 'refresh'>,
): UsageRequest {
  const experiments = containers.map((container) => exampleContainer({ name: container, namespace: 'n', workload: 'w', container }));
  const datasource = exampleDatasource();
  const endSeconds = (firstRow + endRow) * stepSeconds;
  return { datasource, capabilities, metricProfile, experiments, endSeconds, stepSeconds, ...over };
}

function shared(bytes: Uint8Array): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(bytes.length);
  new Uint8Array(memory).set(bytes);
  return memory;
}

/** Reads as jobs do: each job gets the windows that earlier jobs stored. */
function jobsOn(world: World, settings = readSettings({})) {
  const store = new MemoryStore();
  const reader = new StoredUsageReader(world, profiles, settings);
  const readJob = async (request: UsageRequest) => {
    const keys = windowKeys(request, profiles.find(request.metricProfile)!, settings.USAGE_SCOPE);
    const window = rangeOf(request);
    const windows = new TaskWindows({ stored: new Uint8Array(shared(store.load(keys, blockOf(window.from), blockOf(window.to)))) });
    const tables = await reader.read({ ...request, windows });
    const writes = windows.writes();
    if (writes) store.write(writes);
    return tables;
  };
  return { reader, readJob };
}

/** Tables as text, for quick comparison. */
function textOf(tables: readonly UsageTable[]): string[] {
  return tables.map(({ present, columns, jvm, jvmLastRow, acceleratorModel, ...table }) => {
    const filled = Object.entries(columns).filter(([, values]) => values.some((value) => !Number.isNaN(value)));
    const lists = filled.sort().map(([name, values]) => [name, [...values]]);
    return JSON.stringify({ ...table, jvm, jvmLastRow, acceleratorModel, present: [...present], columns: lists });
  });
}

describe('StoredUsageReader', () => {
  it('returns the same tables as a complete read, whatever jobs ran before', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyEpisode, { maxLength: 5 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 150, max: 300 }),
        fc.array(anyJob, { minLength: 2, maxLength: 8 }),
        async (histories, start, jobs) => {
          const world = new World(new Map(histories.map((history, index) => [`c${index}`, history])));
          const { readJob } = jobsOn(world);
          world.now = start;
          for (const { wait, back, ...job } of jobs) {
            world.now += wait;
            const request = requestOf(
              [...histories.keys()].map((index) => `c${index}`),
              world.now - back,
              job,
            );
            expect(textOf(await readJob(request))).toEqual(textOf(await world.read(request)));
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  const steady: Episode = { from: 0, to: worldRows, cpu: 1, late: 0 };

  it('reads few rows if few are new', async () => {
    const world = new World(new Map([['c0', [steady]]]));
    const { readJob } = jobsOn(world);
    for (const [now, rows] of [
      [200, 150],
      [201, 5],
      [201, 4],
      [221, 24],
    ] as const) {
      // biome-ignore format: pairs
      world.now = now;
      world.rowsRead = 0;
      await readJob(requestOf(['c0'], now, { rows: 150, dropsInactive: true }));
      expect(world.rowsRead).toBe(rows);
    }
  });

  it('stores a longer window with the same end as a stored one', async () => {
    const world = new World(new Map([['c0', [steady]]]));
    const { readJob } = jobsOn(world);
    world.now = 200;
    for (const [rows, read] of [
      [20, 20],
      [150, 150],
      [150, 4],
    ] as const) {
      world.rowsRead = 0;
      await readJob(requestOf(['c0'], 200, { rows, dropsInactive: false }));
      expect(world.rowsRead).toBe(read);
    }
  });

  it('reads an idle container once if it has no stored windows', async () => {
    const world = new World(new Map([['c0', [{ ...steady, cpu: 0 }]]]));
    world.now = 200;
    await jobsOn(world).readJob(requestOf(['c0'], 200, { rows: 150, dropsInactive: true }));
    expect(world.rowsRead).toBe(150);
  });

  it('reads everything if the request has no windows', async () => {
    const world = new World(new Map([['c0', [steady]]]));
    const { reader, readJob } = jobsOn(world);
    world.now = 200;
    const request = requestOf(['c0'], 200, { rows: 150, dropsInactive: false });
    await readJob(request);
    world.rowsRead = 0;
    const tables = await reader.read(request);
    expect(world.rowsRead).toBe(150);
    expect(textOf(tables)).toEqual(textOf(await world.read(request)));
  });

  it('stores nothing if a read fails', async () => {
    const world = new World(new Map([['c0', [steady]]]));
    const { reader } = jobsOn(world);
    const windows = new TaskWindows();
    world.read = () => Promise.reject(new Error('away'));
    await expect(reader.read({ ...requestOf(['c0'], 200, { rows: 150, dropsInactive: false }), windows })).rejects.toThrow('away');
    expect(windows.writes()).toBeUndefined();
  });

  it('stores what a refresh of the same window reads', async () => {
    const histories = new Map([['c0', [steady]]]);
    const world = new World(histories);
    const { readJob } = jobsOn(world);
    world.now = 200;
    const read = async (refresh: boolean) => {
      world.rowsRead = 0;
      const request = requestOf(['c0'], 200, { rows: 150, dropsInactive: false, refresh });
      expect(textOf(await readJob(request))).toEqual(textOf(await world.read({ ...request, rows: 150 })));
      return world.rowsRead - 150;
    };
    expect(await read(false)).toBe(150);
    histories.set('c0', [{ ...steady, cpu: 2 }]);
    expect(await read(true)).toBe(150);
    expect(await read(false)).toBeLessThan(10);
  });

  it('keeps the oldest block within USAGE_STORE_DAYS', async () => {
    const world = new World(new Map([['c0', [steady]]]));
    const { readJob } = jobsOn(world, readSettings({ USAGE_STORE_DAYS: '1' }));
    for (const [now, maxRows] of [
      [125, 96],
      [126, 10],
    ] as const) {
      world.now = now;
      world.rowsRead = 0;
      await readJob(requestOf(['c0'], now, { rows: 96, dropsInactive: false }));
      expect(world.rowsRead).toBeLessThanOrEqual(maxRows);
    }
  });

  it('reads few rows after a JVM was replaced, whichever comes first by name', async () => {
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
      const { readJob } = jobsOn(world);
      const read: number[] = [];
      for (world.now = 200; world.now < 360; world.now++) {
        world.rowsRead = 0;
        await readJob(requestOf(['c0'], world.now, { rows: 150, dropsInactive: true }));
        read.push(world.rowsRead);
      }
      expect(read.filter((rows) => rows > 5).length).toBeLessThanOrEqual(3);
    }
  });

  it('is checked with a world where the newest rows may show another JVM than the complete window', async () => {
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
    const [[complete], [newest]] = [await world.read(request(150)), await world.read(request(5))];
    expect([complete!.jvm!.version, newest!.jvm!.version]).toEqual(['17', '21']);
  });
});
