import type { Settings } from '../../../settings/settings-schema.js';
import type { PlacedExperiment } from '../../promql/plan-usage-queries.js';
import { ownerKey } from './pod-owners.js';

/** Experiments (by their place in the request) that read the same series. */
export interface Target {
  readonly indexes: number[];
}

/** Whose usage it is where pods are not joined to workloads. */
export const anyOwner = '';

/** Finds whose a series is: by namespace and container, then by owner. */
export class Targets {
  private readonly byPlace = new Map<string, Map<string, Target>>();

  /** Whether containers are told apart by their workload. */
  readonly areJoined: boolean;

  constructor(experiments: readonly PlacedExperiment[], scope: Settings['USAGE_SCOPE']) {
    this.areJoined = scope === 'workload';
    for (const { experiment, index } of experiments) {
      const isContainer = experiment.type === 'container';
      const place = placeKey(experiment.namespace, isContainer ? experiment.container : undefined);
      const isJoined = isContainer && this.areJoined;
      const owner = isJoined ? ownerKey(experiment.workload, experiment.workloadType) : anyOwner;
      const owners = this.byPlace.get(place) ?? new Map<string, Target>();
      this.byPlace.set(place, owners);
      const target = owners.get(owner);
      if (target) target.indexes.push(index);
      else owners.set(owner, { indexes: [index] });
    }
  }

  /** Targets by owner; undefined = nobody reads series of this place. */
  at(namespace: string, container?: string): ReadonlyMap<string, Target> | undefined {
    return this.byPlace.get(placeKey(namespace, container));
  }
}

/** A namespace as a whole is another place than a container of it without a name. */
function placeKey(namespace: string, container: string | undefined): string {
  return container === undefined ? namespace : `${namespace}\0${container}`;
}
