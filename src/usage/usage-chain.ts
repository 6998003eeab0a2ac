import { type BrokenChunks, showsBrokenChunks } from '../datasource/capabilities.js';
import type { DatasourceClient } from '../datasource/datasource-client.js';
import { DatasourceError } from '../datasource/datasource-error.js';
import type { MetricProfiles } from '../profiles/metric-profile.js';
import type { UsageTable } from '../recommendation/usage-table.js';
import type { Settings } from '../settings/settings-schema.js';
import { ChunkUsageReader } from './from-chunks/chunk-usage-reader.js';
import { PlannedQueries } from './from-promql/planned-queries.js';
import { PromqlUsageReader } from './from-promql/promql-usage-reader.js';
import { UsageReader, type UsageRequest } from './usage-reader.js';

/** Reads usage from chunks if the datasource supports them, and by PromQL otherwise. PromQL also runs the queries that chunks do not support, and all of them if chunks turn out to be broken. */
export class UsageChain extends UsageReader {
  readonly promql: PromqlUsageReader;
  readonly chunks: ChunkUsageReader;

  constructor(
    client: DatasourceClient,
    profiles: MetricProfiles,
    settings: Settings,
    private readonly broken: BrokenChunks,
  ) {
    super();
    this.promql = new PromqlUsageReader(new PlannedQueries(client), profiles, settings);
    this.chunks = new ChunkUsageReader({ client, promql: this.promql, profiles, settings });
  }

  override async read(request: UsageRequest, signal?: AbortSignal): Promise<UsageTable[]> {
    const { datasource, capabilities, onBrokenChunks } = request;
    if (capabilities.used === 'promql') return this.promql.read(request, signal);
    const known = this.broken.reasonFor(datasource.name);
    if (known !== undefined) {
      onBrokenChunks?.(known);
      return this.promql.read(request, signal);
    }
    try {
      return await this.chunks.read(request, signal);
    } catch (error) {
      const isBroken = error instanceof DatasourceError && showsBrokenChunks(error.failure);
      if (!isBroken || datasource.usageReader === 'chunks') throw error;
      const reason = `chunks were refused or broken: ${error.message}`;
      this.broken.add(datasource.name, reason);
      onBrokenChunks?.(reason);
      return this.promql.read(request, signal);
    }
  }
}
