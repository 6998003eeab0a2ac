import { runTogether } from '../../calls/abort.js';
import { MetricProfiles } from '../../profiles/metric-profile.js';
import type { UsageTable } from '../../recommendation/usage-table.js';
import { logOf } from '../../settings/logger.js';
import type { Settings } from '../../settings/settings-schema.js';
import { hasOneSeries } from '../from-promql/query-shape.js';
import { giveTables } from '../table-draft.js';
import { UsageReader, type UsageRequest } from '../usage-reader.js';
import { type TaskWindows } from './copy-rows.js';
import { GrowingBuffer } from './growing-buffer.js';
import {
  changedBlocks,
  completeWindow,
  findKnown,
  isIdle,
  mergeWindow,
  PartialRead,
  planPartialReads,
  type ReadWindow,
  type StoredWindows,
} from './stored-windows.js';
import { rowsIn } from './window-block.js';
import { windowKeys } from './window-key.js';
import { blockOf, type RowRange, rangeOf } from './window-rows.js';

const log = logOf('usage');

/** Memory for the blocks of one experiment until they are copied into the task's rows. */
const scratch = new GrowingBuffer();

/** A read in progress; lists are in the order of the request's experiments. */
interface Reading {
  readonly request: UsageRequest;
  readonly window: RowRange;
  readonly keys: readonly string[];
  readonly stored: readonly StoredWindows[];
  readonly windows: TaskWindows;
  readonly signal?: AbortSignal;
}

/**
 * Reads only the rows that are not stored, and the newest stored ones, because samples may arrive late. Returns the same tables as a complete read by
 * `origin`. Adds the changed blocks to the request's windows.
 */
export class StoredUsageReader extends UsageReader {
  private hasWarned = false;

  constructor(
    private readonly origin: UsageReader,
    private readonly profiles: Pick<MetricProfiles, 'find'>,
    private readonly settings: Pick<Settings, 'USAGE_SCOPE' | 'USAGE_OVERLAP' | 'USAGE_STORE_DAYS'>,
  ) {
    super();
  }

  override async read(request: UsageRequest, signal?: AbortSignal): Promise<UsageTable[]> {
    const reading = this.begin(request, signal);
    if (!reading) return this.origin.read(request, signal);
    const read = await this.readWindows(reading);
    for (const [place, window] of read.entries()) this.keep(reading, window, place);
    return read.map(({ table }) => table);
  }

  /** Finds the stored windows of the request's experiments; undefined if windows are not stored. */
  private begin(request: UsageRequest, signal?: AbortSignal): Reading | undefined {
    const { windows } = request;
    const profile = this.profiles.find(request.metricProfile);
    if (!windows || !profile) return undefined;
    if (!hasOneSeries(profile, request.stepSeconds)) {
      const text = 'a query of the profile may return several series for one experiment: its usage is not stored';
      if (!this.hasWarned) log.warn({ profile: profile.name }, text);
      this.hasWarned = true;
      return undefined;
    }
    const window = rangeOf(request);
    const keys = windowKeys(request, profile, this.settings.USAGE_SCOPE);
    const stored = keys.map((key) => findKnown(request.refresh ? [] : windows.blocksOf(key), window.from));
    return { request, window, keys, stored, windows, ...(signal && { signal }) };
  }

  private async readWindows(reading: Reading): Promise<ReadWindow[]> {
    const { request, window, stored, signal } = reading;
    const { stepSeconds, dropsInactive, experiments } = request;
    const windows = new Array<ReadWindow>(experiments.length);
    const known = stored.map((each) => each.known);
    const plan = planPartialReads(known, window, { stepSeconds, overlapSeconds: this.settings.USAGE_OVERLAP });
    await runTogether(
      plan.map((read) => async (stop: AbortSignal) => {
        for (const [place, table] of await this.readRows(request, read, stop)) {
          const isComplete = read.rows === request.rows;
          windows[place] = isComplete ? completeWindow(table, window) : mergeWindow(stored[place]!, table, window);
          if (!isComplete) giveTables([table]);
        }
      }),
      signal,
    );
    const needsCompleteRead = ({ seam, isSettled, table }: ReadWindow, place: number) =>
      seam > window.from && (!isSettled || (dropsInactive && isIdle(experiments[place]!, table)));
    const places = [...windows.keys()].filter((place) => needsCompleteRead(windows[place]!, place));
    if (places.length === 0) return windows;
    for (const [place, table] of await this.readRows(request, { places, rows: request.rows }, signal)) {
      windows[place] = completeWindow(table, window, windows[place]);
    }
    return windows;
  }

  /** Reads the newest `rows` of some experiments; returns tables with their places. Containers are dropped only by complete reads. */
  private async readRows(request: UsageRequest, { places, rows }: PartialRead, signal?: AbortSignal): Promise<[number, UsageTable][]> {
    const experiments = places.map((place) => request.experiments[place]!);
    const dropsInactive = request.dropsInactive && rows === request.rows;
    const tables = await this.origin.read({ ...request, experiments, rows, dropsInactive }, signal);
    return places.map((place, index) => [place, tables[index]!]);
  }

  /**
   * Adds the changed blocks of a window. Idle containers are not stored: their tables may have been dropped, so they are read completely each time. A window
   * that ends before the stored rows changes nothing: which GPU has samples in a row depends on the window, so rows of different windows must not be mixed.
   */
  private keep({ request, window, keys, stored, windows }: Reading, { table, labels, seam }: ReadWindow, place: number): void {
    if (request.dropsInactive && isIdle(request.experiments[place]!, table)) return;
    const before = stored[place]!.blocks;
    const keptRows = Math.ceil((this.settings.USAGE_STORE_DAYS * 86_400) / request.stepSeconds);
    const firstBlock = blockOf(window.to - keptRows);
    const isOld = before.some((block) => rowsIn(block).to > window.to);
    scratch.clear();
    const changed = isOld ? [] : changedBlocks({ table, firstRow: window.from, labels }, { window, seam, stored: before }, scratch);
    const blocks = changed.filter(({ number }) => number >= firstBlock);
    windows.add({ key: keys[place]!, blocks, replacesAll: request.refresh ?? false, firstBlock });
  }
}
