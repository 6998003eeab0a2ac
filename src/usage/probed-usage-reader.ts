import { Injectable } from '@nestjs/common';
import { DatasourceError } from '../datasource/datasource-error.js';
import { RemoteRead } from '../datasource/remote-read.js';
import { breaksPromise } from '../probes/choose-reader.js';
import { ReaderProbes } from '../probes/reader-probes.js';
import { MetricProfiles } from '../profiles/metric-profile.js';
import type { UsageTable } from '../recommendation/usage-table.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { ChunkUsageReader } from './chunks/chunk-usage-reader.js';
import { PromqlUsageReader } from './promql/promql-usage-reader.js';
import { UsageReader, type UsageRequest } from './usage-reader.js';

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
