import { Injectable } from '@nestjs/common';
import { runTogether } from '../../calls/abort.js';
import type { Datasource } from '../../datasource/datasource.js';
import { PrometheusClient } from '../../datasource/prometheus-client.js';
import type { ContainerExperiment, Experiment } from '../../experiments/experiment.js';
import { Layers, type RegisteredLayer } from '../../profiles/layer.js';
import type { Layer } from '../../recommendation/settings.js';
import { InjectSettings } from '../../settings/settings.module.js';
import type { Settings } from '../../settings/settings-schema.js';
import { PresenceSearch } from './presence-search.js';

/** Whose layers are wanted, and at which instant. */
export interface LayerRequest {
  readonly datasource: Datasource;
  readonly experiments: readonly Experiment[];
  readonly atSeconds: number;
  /** Workloads that are not among the experiments may have containers of their names, so that pods are looked at in any case. */
  readonly mayShareNames?: boolean;
}

/** Finds which registered layers containers have. */
@Injectable()
export class LayerDetector {
  constructor(
    private readonly client: PrometheusClient,
    private readonly layers: Layers,
    @InjectSettings() private readonly settings: Pick<Settings, 'USAGE_SCOPE'>,
  ) {}

  /**
   * The layers of each experiment, in their order; none for namespaces. Asks one query for each presence query, whatever the number of experiments,
   * and nothing at all where no layer is registered. For USAGE_SCOPE `workload`, containers of different workloads that share namespace and name are
   * told apart by their pods, which takes a few more. A query that the datasource refuses counts as empty, as in the reference; rejects with a
   * DatasourceError when it fails in another way.
   */
  async detect({ datasource, experiments, atSeconds, mayShareNames = false }: LayerRequest, signal?: AbortSignal): Promise<Layer[][]> {
    const { registered } = this.layers;
    const containers = experiments.filter((experiment) => experiment.type === 'container');
    const scope = this.settings.USAGE_SCOPE;
    const search = new PresenceSearch(this.client, { datasource, containers, atSeconds, scope, mayShareNames });
    const found = await runTogether(
      registered.map((layer) => (stop: AbortSignal) => withLayer(layer, containers, search, stop)),
      signal,
    );
    return experiments.map((experiment) =>
      registered.flatMap(({ name }, index) => (found[index]!.has(experiment as ContainerExperiment) ? [name] : [])),
    );
  }
}

async function withLayer(
  { presence }: RegisteredLayer,
  containers: readonly ContainerExperiment[],
  search: PresenceSearch,
  signal: AbortSignal,
): Promise<Set<ContainerExperiment>> {
  if (presence === 'always') return new Set(containers);
  const found = await runTogether(
    presence.map((query) => (stop: AbortSignal) => search.find(query, stop)),
    signal,
  );
  return new Set(found.flat());
}
