import type { CapabilityCache } from '../datasource/capabilities.js';
import type { Datasource } from '../datasource/datasource.js';
import { type DiscoveryResult, keysOfDays } from '../discovery/discovery.js';
import type { KeptDaysStore } from '../discovery/kept-days-store.js';
import type { DiscoveryRequest } from '../discovery/plan-discovery.js';
import type { MetricProfiles } from '../profiles/metric-profile.js';
import type { Settings } from '../settings/settings-schema.js';
import type { WindowStore } from '../usage/cache/window-store.js';
import { usageRequestOf } from './measure-shard.js';
import type { DiscoverTask, Measurement, MeasureTask, Sizer } from './sizer.js';

/** Adds to a Sizer what needs the database or is shared between threads: capabilities of datasources, stored windows and kept days. */
export class JobSizer {
  constructor(
    private readonly sizer: Sizer,
    private readonly capabilities: Pick<CapabilityCache, 'of' | 'demote' | 'lastAnswerAt'>,
    private readonly profiles: Pick<MetricProfiles, 'fitting'>,
    private readonly windows: Pick<WindowStore, 'during' | 'load' | 'add' | 'flush'>,
    private readonly days: Pick<KeptDaysStore, 'load' | 'keep'>,
    private readonly settings: Pick<Settings, 'USAGE_STORE' | 'USAGE_OVERLAP'>,
  ) {}

  /** Discovers a datasource's workloads. `refresh` ignores the days that earlier jobs kept. Rejects like Sizer.discover. */
  async discover(
    request: Omit<DiscoveryRequest, 'capabilities' | 'onBrokenChunks'> & { readonly refresh: boolean },
    signal: AbortSignal,
  ): Promise<DiscoveryResult> {
    const { refresh, ...query } = request;
    // Probe at the end of the usage, so that discovery and measuring share the result.
    const atSeconds = request.timeRange?.endSeconds ?? request.nowSeconds;
    const task: DiscoverTask = { ...query, capabilities: await this.capabilities.of(request.datasource, signal, atSeconds) };
    if (!this.settings.USAGE_STORE) return this.noteBrokenChunks(request.datasource, await this.sizer.discover(task, signal));
    const keptDays = refresh ? new Map() : await this.days.load(keysOfDays(task, this.settings));
    const found = await this.sizer.discover({ ...task, keptDays }, signal);
    await this.days.keep(found.days);
    return this.noteBrokenChunks(request.datasource, found);
  }

  /** Returns one measurement per experiment of the task, in their order. Rejects like Sizer.measure. */
  async measure(
    task: Omit<MeasureTask, 'capabilities' | 'metricProfile' | 'windows'>,
    signal: AbortSignal,
  ): Promise<readonly Measurement[]> {
    const { datasource, request, endSeconds } = task;
    const capabilities = await this.capabilities.of(datasource, signal, endSeconds);
    const known = { ...task, capabilities, metricProfile: this.profiles.fitting(request.metricProfile, capabilities.rules) };
    if (!this.settings.USAGE_STORE) return this.noteBrokenChunks(datasource, await this.sizer.measure(known, signal)).measurements;
    const measured = await this.windows.during(async () => {
      const windows = await this.windows.load(usageRequestOf(known));
      return this.sizer.measure({ ...known, windows }, signal);
    });
    this.windows.add(measured.writes, measured.memory);
    return this.noteBrokenChunks(datasource, measured).measurements;
  }

  /** Stores all windows that wait; called by Nest. */
  beforeApplicationShutdown(): Promise<void> {
    return this.windows.flush();
  }

  lastAnswerAt(datasource: string): number | undefined {
    const times = [this.sizer.lastAnswerAt(datasource), this.capabilities.lastAnswerAt(datasource)].filter((time) => time !== undefined);
    return times.length > 0 ? Math.max(...times) : undefined;
  }

  private noteBrokenChunks<T extends { readonly brokenChunks?: string }>({ name }: Datasource, result: T): T {
    if (result.brokenChunks !== undefined) this.capabilities.demote(name, result.brokenChunks);
    return result;
  }
}
