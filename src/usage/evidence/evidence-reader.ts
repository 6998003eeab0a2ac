import { Injectable } from '@nestjs/common';
import type { Datasource } from '../../datasource/datasource.js';
import { PrometheusClient, type PrometheusSeries } from '../../datasource/prometheus-client.js';
import type { ContainerExperiment, Experiment } from '../../experiments/experiment.js';
import type { Extras } from '../../recommendation/extras.js';
import { type Evidence, noEvidence } from '../../recommendation/settings.js';
import { InjectSettings } from '../../settings/settings.module.js';
import type { Settings } from '../../settings/settings-schema.js';
import { hpaTargetsQuery, killStepSeconds, oomKillsQuery } from './evidence-queries.js';
import { readHpaResources, readOomKills } from './read-evidence.js';

/** Whose evidence is wanted, how far back from `endSeconds`, and for which extras. */
export interface EvidenceRequest {
  readonly datasource: Datasource;
  readonly experiments: readonly Experiment[];
  readonly endSeconds: number;
  readonly days: number;
  readonly extras: Extras;
}

/** Reads what extras look at beside usage: one query for kills and one for autoscalers, and only where they are asked for. */
@Injectable()
export class EvidenceReader {
  constructor(
    private readonly client: PrometheusClient,
    @InjectSettings() private readonly settings: Pick<Settings, 'USAGE_SCOPE'>,
  ) {}

  /** The evidence of each experiment, in their order; none for namespaces. Rejects with a DatasourceError. */
  async read(request: EvidenceRequest, signal?: AbortSignal): Promise<Evidence[]> {
    const containers = request.experiments.filter((experiment) => experiment.type === 'container');
    const [kills, targets] = await Promise.all([this.kills(containers, request, signal), this.hpaTargets(containers, request, signal)]);
    return request.experiments.map((experiment) => {
      if (experiment.type === 'namespace') return noEvidence;
      return { oomKills: readOomKills(kills, experiment), hpaResources: readHpaResources(targets, experiment) };
    });
  }

  private async kills(containers: readonly ContainerExperiment[], request: EvidenceRequest, signal?: AbortSignal) {
    if (!request.extras.oom || containers.length === 0) return noSeries;
    const { datasource, endSeconds, days } = request;
    const ask = {
      query: oomKillsQuery(containers, this.settings.USAGE_SCOPE),
      startSeconds: endSeconds - Math.floor((days * 86_400) / killStepSeconds) * killStepSeconds,
      endSeconds,
      stepSeconds: killStepSeconds,
    };
    return (await this.client.queryRange(datasource, ask, signal)).series;
  }

  private async hpaTargets(containers: readonly ContainerExperiment[], request: EvidenceRequest, signal?: AbortSignal) {
    if (request.extras.hpa === 'ignore' || containers.length === 0) return noSeries;
    const { datasource, endSeconds } = request;
    return (await this.client.query(datasource, { query: hpaTargetsQuery(containers), timeSeconds: endSeconds }, signal)).series;
  }
}

const noSeries: readonly PrometheusSeries[] = [];
