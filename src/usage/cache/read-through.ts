import { Inject, Injectable } from '@nestjs/common';
import { runTogether } from '../../calls/abort.js';
import { MetricProfiles } from '../../profiles/metric-profile.js';
import type { UsageTable } from '../../recommendation/usage-table.js';
import { logOf } from '../../settings/logger.js';
import { InjectSettings } from '../../settings/settings.module.js';
import type { Settings } from '../../settings/settings-schema.js';
import { giveTables } from '../columns.js';
import { hasOneSeries } from '../from-promql/query-shape.js';
import { UsageReader, type UsageRequest } from '../usage-reader.js';
import { Arena } from './arena.js';
import { blockOf, type RowRange, rangeOf } from './row-numbers.js';
import {
  changedBlocks,
  findKnown,
  isIdle,
  mergeWindow,
  PartialRead,
  planPartialReads,
  type ReadWindow,
  type StoredWindows,
  wholeWindow,
} from './stored-windows.js';
import { rowsIn } from './window-block.js';
import { windowKeys } from './window-key.js';
import { WindowStore, type WindowWrite } from './window-store.js';
import { WriteBehind } from './write-behind.js';

const log = logOf('usage');

/** Injects the reader whose windows are stored. */
export const ORIGIN = Symbol('ORIGIN');

/** One read on its way; the lists are in the order of the request's experiments. */
interface Reading {
  readonly request: UsageRequest;
  readonly window: RowRange;
  readonly keys: readonly string[];
  readonly stored: readonly StoredWindows[];
  /** Holds the blocks that are stored and those that will be. */
  readonly arena: Arena;
  readonly signal?: AbortSignal;
}

/**
 * Asks another reader only for what is not stored yet and for the newest of what is, since samples may come late. The tables are those that the other
 * reader would give for the whole window. What is new is stored behind the caller's back.
 */
@Injectable()
export class StoredUsageReader extends UsageReader {
  private readonly said = new Set<string>();

  constructor(
    @Inject(ORIGIN) private readonly origin: UsageReader,
    @Inject(MetricProfiles) private readonly profiles: Pick<MetricProfiles, 'find'>,
    @Inject(WindowStore) private readonly store: Pick<WindowStore, 'load'>,
    private readonly writes: WriteBehind,
    @InjectSettings() private readonly settings: Pick<Settings, 'USAGE_SCOPE' | 'USAGE_OVERLAP' | 'USAGE_STORE_DAYS'>,
  ) {
    super();
  }

  override read(request: UsageRequest, signal?: AbortSignal): Promise<UsageTable[]> {
    return this.writes.during(async () => {
      const reading = await this.begin(request, signal);
      if (!reading) return this.origin.read(request, signal);
      const windows = await this.readWindows(reading);
      this.writes.add(windows.flatMap((read, place) => this.writeOf(reading, read, place)));
      // Not where reading failed: parts of it that ran at the same time may still look at it.
      reading.arena.give();
      return windows.map(({ table }) => table);
    });
  }

  /** Looks up what is stored of the request's experiments; undefined where the store cannot be used. */
  private async begin(request: UsageRequest, signal?: AbortSignal): Promise<Reading | undefined> {
    const profile = this.profiles.find(request.metricProfile);
    if (!profile) return undefined;
    if (!hasOneSeries(profile, request.stepSeconds)) {
      this.sayOnce('a query of the profile may give several series of one experiment: its usage is not stored', { profile: profile.name });
      return undefined;
    }
    const window = rangeOf(request);
    const keys = windowKeys(request, profile, this.settings.USAGE_SCOPE);
    try {
      const arena = Arena.take();
      const range = { first: blockOf(window.from), last: blockOf(window.to) };
      const blocks = request.refresh ? undefined : await this.store.load(keys, range, arena);
      const stored = keys.map((key) => findKnown(blocks?.get(key) ?? [], window.from));
      return { request, window, keys, stored, arena, ...(signal && { signal }) };
    } catch (error) {
      this.sayOnce('stored usage cannot be looked up: all of it is read anew', { error: String(error) });
      return undefined;
    }
  }

  private async readWindows(reading: Reading): Promise<ReadWindow[]> {
    const { request, window, stored, signal } = reading;
    const { stepSeconds, dropsInactive, experiments } = request;
    const windows = new Array<ReadWindow>(experiments.length);
    const known = stored.map((each) => each.known);
    const plan = planPartialReads(known, window, { stepSeconds, overlapSeconds: this.settings.USAGE_OVERLAP });
    await runTogether(
      plan.map((read) => async (stop: AbortSignal) => {
        for (const [place, table] of await this.ask(request, read, stop)) {
          const isWhole = read.rows === request.rows;
          windows[place] = isWhole ? wholeWindow(table, window) : mergeWindow(stored[place]!, table, window);
          if (!isWhole) giveTables([table]);
        }
      }),
      signal,
    );
    const isDoubtful = ({ seam, isSettled, table }: ReadWindow, place: number) =>
      seam > window.from && (!isSettled || (dropsInactive && isIdle(experiments[place]!, table)));
    const places = [...windows.keys()].filter((place) => isDoubtful(windows[place]!, place));
    if (places.length === 0) return windows;
    for (const [place, table] of await this.ask(request, { places, rows: request.rows }, signal)) {
      windows[place] = wholeWindow(table, window, windows[place]);
    }
    return windows;
  }

  /** Tables by the experiments' places. Whether a container is dropped is decided on its whole window. */
  private async ask(request: UsageRequest, { places, rows }: PartialRead, signal?: AbortSignal): Promise<[number, UsageTable][]> {
    const experiments = places.map((place) => request.experiments[place]!);
    const dropsInactive = request.dropsInactive && rows === request.rows;
    const tables = await this.origin.read({ ...request, experiments, rows, dropsInactive }, signal);
    return places.map((place, index) => [place, tables[index]!]);
  }

  /**
   * What of a window is to be stored. Idle containers are read whole each time, since their tables may have been dropped. Windows that end before what is
   * stored change nothing: which of several GPUs has samples in a row depends on the window, and rows of two windows do not mix.
   */
  private writeOf({ request, window, keys, stored, arena }: Reading, { table, labels, seam }: ReadWindow, place: number): WindowWrite[] {
    if (request.dropsInactive && isIdle(request.experiments[place]!, table)) return [];
    const before = stored[place]!.blocks;
    const keptRows = Math.ceil((this.settings.USAGE_STORE_DAYS * 86_400) / request.stepSeconds);
    const firstBlock = blockOf(window.to - keptRows);
    const isOld = before.some((block) => rowsIn(block).to > window.to);
    const changed = isOld ? [] : changedBlocks({ table, firstRow: window.from, labels }, { window, seam, stored: before }, arena);
    const blocks = changed.filter(({ number }) => number >= firstBlock);
    return [{ key: keys[place]!, blocks, replacesAll: request.refresh ?? false, firstBlock }];
  }

  private sayOnce(text: string, fields: object): void {
    if (this.said.has(text)) return;
    this.said.add(text);
    log.warn(fields, text);
  }
}
