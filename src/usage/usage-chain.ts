import { Injectable } from '@nestjs/common';
import { SharedWork } from '../calls/abort.js';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceError } from '../datasource/datasource-error.js';
import type { DatasourceHttp } from '../datasource/datasource-http.js';
import { PrometheusClient } from '../datasource/prometheus-client.js';
import { RemoteRead } from '../datasource/remote-read.js';
import { breaksPromise } from '../probes/choose-reader.js';
import { ReaderProbes } from '../probes/reader-probes.js';
import { MetricProfiles } from '../profiles/metric-profile.js';
import type { UsageTable } from '../recommendation/usage-table.js';
import { logOf } from '../settings/logger.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { ChunkUsageReader } from './from-chunks/chunk-usage-reader.js';
import { PlannedQueries } from './from-promql/planned-queries.js';
import { PromqlUsageReader } from './from-promql/promql-usage-reader.js';
import { UsageReader, type UsageRequest } from './usage-reader.js';

/** The reader that UsageModule provides, for a process without Nest: it probes the datasource and reads as a job does. Throws for faulty metric profiles. */
export function usageReaderOf(http: DatasourceHttp, settings: Settings): UsageReader {
  const client = new PrometheusClient(http);
  const profiles = new MetricProfiles(settings);
  const remoteRead = new RemoteRead(http);
  const promql = new PromqlUsageReader(new PlannedQueries(client), profiles, settings);
  const probed = new ProbedUsageReader(new ReaderProbes(remoteRead, client, http), promql, remoteRead, profiles, settings);
  return new RuleFallbackReader(probed, profiles, client);
}

/** Reads with the reader that fits the datasource; where chunks fail after all, by PromQL. */
@Injectable()
export class ProbedUsageReader extends UsageReader {
  private readonly chunks: ChunkUsageReader;

  constructor(
    private readonly probes: ReaderProbes,
    private readonly promql: PromqlUsageReader,
    remoteRead: RemoteRead,
    profiles: MetricProfiles,
    @InjectSettings() settings: Settings,
  ) {
    super();
    const factsOf = probes.of.bind(probes);
    this.chunks = new ChunkUsageReader({ remoteRead, promql, profiles, settings, factsOf });
  }

  override async read(request: UsageRequest, signal?: AbortSignal): Promise<UsageTable[]> {
    const { datasource } = request;
    const probe = await this.probes.of(datasource, signal);
    if (probe.used === 'promql') return this.promql.read(request, signal);
    try {
      return await this.chunks.read(request, signal);
    } catch (error) {
      const isBroken = error instanceof DatasourceError && breaksPromise(error.failure);
      if (!isBroken || datasource.usageReader === 'chunks') throw error;
      this.probes.demote(datasource, probe, `chunks were refused or broken: ${error.message}`);
      return this.promql.read(request, signal);
    }
  }
}

const log = logOf('usage');

/** Recording rule that a metric profile takes CPU usage from (kube-prometheus). */
export const cpuRule = 'node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate';
/** What a profile's twin without recording rules is called; the reference gives both one name (spec: recommendations.md 1.3). */
export const twinSuffix = '-norecordingrules';

const keepMs = 600_000;
/** So often, over the longest term, it is looked whether the rule has series. */
const looksEverySeconds = 6 * 3600;
const looks = 60;

/**
 * Reads CPU usage from the counters of the containers where a datasource does not have the recording rule that the profile names: then the
 * profile's twin is used. It is looked only where a whole shard has usage but no CPU, and kept for ten minutes.
 */
@Injectable()
export class RuleFallbackReader extends UsageReader {
  private readonly kept = new Map<string, { readonly isAbsent: SharedWork<boolean>; readonly untilMs: number }>();

  constructor(
    private readonly reader: ProbedUsageReader,
    private readonly profiles: MetricProfiles,
    private readonly client: PrometheusClient,
  ) {
    super();
  }

  override async read(request: UsageRequest, signal?: AbortSignal): Promise<UsageTable[]> {
    const twin = this.twinOf(request.metricProfile);
    if (twin === undefined) return this.reader.read(request, signal);
    const known = this.kept.get(request.datasource.name);
    if (known && Date.now() < known.untilMs) {
      return this.reader.read((await known.isAbsent.wait(signal)) ? { ...request, metricProfile: twin } : request, signal);
    }
    const tables = await this.reader.read(request, signal);
    if (!lacksCpu(tables) || !(await this.lookForRule(request, signal))) return tables;
    log.info({ datasource: request.datasource.name, profile: twin }, `no ${cpuRule}: CPU usage is taken from the counters`);
    return this.reader.read({ ...request, metricProfile: twin }, signal);
  }

  /** The profile's twin, where the profile uses the rule and there is one. */
  private twinOf(profileName: string): string | undefined {
    const queries = [...(this.profiles.find(profileName)?.variables.values() ?? [])].flatMap((variable) => Object.values(variable.queries));
    const usesRule = queries.some((query) => query.includes(cpuRule));
    return usesRule && this.profiles.find(profileName + twinSuffix) ? profileName + twinSuffix : undefined;
  }

  private async lookForRule({ datasource, endSeconds }: UsageRequest, signal?: AbortSignal): Promise<boolean> {
    const isAbsent = new SharedWork((stop) => this.isRuleAbsent(datasource, endSeconds, stop));
    this.kept.set(datasource.name, { isAbsent, untilMs: Date.now() + keepMs });
    isAbsent.result.catch(() => this.kept.delete(datasource.name));
    return isAbsent.wait(signal);
  }

  private async isRuleAbsent(datasource: Datasource, endSeconds: number, signal: AbortSignal): Promise<boolean> {
    const startSeconds = endSeconds - looks * looksEverySeconds;
    const ask = { query: `group(${cpuRule})`, startSeconds, endSeconds, stepSeconds: looksEverySeconds };
    return (await this.client.queryRange(datasource, ask, signal)).series.length === 0;
  }
}

function lacksCpu(tables: readonly UsageTable[]): boolean {
  const isUsed = tables.some(({ present }) => present.includes(1));
  return isUsed && tables.every(({ columns }) => !columns['cpuUsage.avg'] && !columns['namespaceCpuUsage.avg']);
}
