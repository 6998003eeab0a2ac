import { Injectable } from '@nestjs/common';
import type { Datasource } from '../../datasource/datasource.js';
import { DatasourceError } from '../../datasource/datasource-error.js';
import { PrometheusClient } from '../../datasource/prometheus-client.js';
import type { ContainerExperiment, Experiment } from '../../experiments/experiment.js';
import type { Layer } from '../../recommendation/recommendation-settings.js';
import { logOf } from '../../settings/logger.js';
import { runTogether } from '../promql/run-together.js';
import { Layers, type RegisteredLayer } from './layers.js';
import { type PresenceQuery, planPresenceQueries } from './plan-presence-query.js';

const log = logOf('usage');

/** Whose layers are wanted, and at which instant. */
export interface LayerRequest {
  readonly datasource: Datasource;
  readonly experiments: readonly Experiment[];
  readonly atSeconds: number;
}

/** Finds which registered layers containers have. */
@Injectable()
export class LayerDetector {
  constructor(
    private readonly client: PrometheusClient,
    private readonly layers: Layers,
  ) {}

  /**
   * The layers of each experiment, in their order; none for namespaces. Asks one query for each presence query, whatever the number of experiments,
   * and nothing at all where no layer is registered. A query that the datasource refuses counts as empty, as in the reference; rejects with a DatasourceError
   * when it fails in another way.
   */
  async detect(request: LayerRequest, signal?: AbortSignal): Promise<Layer[][]> {
    const { registered } = this.layers;
    const containers = request.experiments.filter((experiment) => experiment.type === 'container');
    const found = await runTogether(
      registered.map((layer) => async (stop: AbortSignal) => this.withLayer(layer, containers, request, stop)),
      signal,
    );
    return request.experiments.map((experiment) =>
      registered.flatMap(({ name }, index) => (found[index]!.has(experiment as ContainerExperiment) ? [name] : [])),
    );
  }

  private async withLayer(
    { presence }: RegisteredLayer,
    containers: readonly ContainerExperiment[],
    request: LayerRequest,
    signal: AbortSignal,
  ): Promise<Set<ContainerExperiment>> {
    if (presence === 'always') return new Set(containers);
    const queries = presence.flatMap((query) => planPresenceQueries(query, containers));
    const found = await runTogether(
      queries.map((planned) => (stop: AbortSignal) => this.answered(planned, request, stop)),
      signal,
    );
    return new Set(found.flat());
  }

  /** The experiments of a query for which it answers anything. */
  private async answered(
    { query, experiments, tellsApart }: PresenceQuery,
    request: LayerRequest,
    signal: AbortSignal,
  ): Promise<ContainerExperiment[]> {
    try {
      const { series } = await this.client.query(request.datasource, { query, timeSeconds: request.atSeconds }, signal);
      if (!tellsApart) return series.length > 0 ? [...experiments] : [];
      const seen = new Set(series.map(({ labels }) => keyOf(labels.namespace ?? '', labels.container ?? '')));
      return experiments.filter(({ namespace, container }) => seen.has(keyOf(namespace, container)));
    } catch (error) {
      if (!(error instanceof DatasourceError) || error.failure !== 'refused-query') throw error;
      log.warn({ datasource: request.datasource.name, error: error.message }, 'a layer query is refused and counts as empty');
      return [];
    }
  }
}

function keyOf(namespace: string, container: string): string {
  return JSON.stringify([namespace, container]);
}
