import type { ContainerExperiment, Experiment } from '../experiments/experiment.js';
import { groupBy } from '../promql/labels.js';
import { matchAnyOf } from '../promql/matcher.js';
import type { Settings } from '../settings/settings-schema.js';
import { ownerKey } from './pod-owners.js';

/** A key for the namespace and name of a container, or of a series' container. */
export function nameKey({ namespace = '', container = '' }: { readonly namespace?: string; readonly container?: string }): string {
  return JSON.stringify([namespace, container]);
}

/** Groups containers by namespace and name. */
export function groupByName(containers: readonly ContainerExperiment[]): ContainerExperiment[][] {
  return [...groupBy(containers, nameKey).values()];
}

/** The containers that share namespace and name with a container of another workload. */
export function readSharedNames(containers: readonly ContainerExperiment[]): ReadonlySet<ContainerExperiment> {
  const shared = groupByName(containers).filter((group) => group.length > 1);
  return new Set(shared.flat());
}

/** Experiments, by their index in the request, that read the same series. */
export interface Target {
  readonly indexes: number[];
}

/** The owner of all usage if pods are not joined to workloads. */
export const anyOwner = '';

/** Finds the experiments of a series by namespace, container and owner. */
export class Targets {
  private readonly byPlace = new Map<string, Map<string, Target>>();

  /** Whether same-named containers of different workloads are distinguished. */
  readonly areJoined: boolean;

  constructor(experiments: readonly PlacedExperiment[], scope: Settings['USAGE_SCOPE']) {
    this.areJoined = scope === 'workload';
    for (const { experiment, index } of experiments) {
      const container = experiment.type === 'container' ? experiment : undefined;
      const place = placeKey(experiment.namespace, container?.container);
      const owner = container && this.areJoined ? ownerKey(container.workload, container.workloadType) : anyOwner;
      const owners = this.byPlace.get(place) ?? new Map<string, Target>();
      this.byPlace.set(place, owners);
      const target = owners.get(owner);
      if (target) target.indexes.push(index);
      else owners.set(owner, { indexes: [index] });
    }
  }

  /** Targets by owner; undefined if no experiment reads series of this place. */
  at(namespace: string, container?: string): ReadonlyMap<string, Target> | undefined {
    return this.byPlace.get(placeKey(namespace, container));
  }
}

/** Distinguishes a namespace from a container without a name in it. */
function placeKey(namespace: string, container: string | undefined): string {
  return container === undefined ? namespace : `${namespace}\0${container}`;
}

/** An experiment and its index in the request. */
export interface PlacedExperiment {
  readonly experiment: Experiment;
  readonly index: number;
}

/** PromQL matchers for the namespaces and names of the containers. */
export function nameMatchers(experiments: readonly ContainerExperiment[]): string {
  const namespaces = experiments.map(({ namespace }) => namespace);
  const containers = experiments.map(({ container }) => container);
  return `${matchAnyOf('namespace', namespaces)}, ${matchAnyOf('container', containers)}`;
}
