/** Label values that filters choose among; the queries' injection points bear their names. */
export const discoveredKinds = ['namespace', 'workload', 'container'] as const;
export type DiscoveredKind = (typeof discoveredKinds)[number];

/** One side of a bulk request's filter, as it comes in (contract: POST /bulk). Lists hold RE2 regular expressions, anchored at both ends. */
export interface FilterSide {
  readonly namespace?: readonly string[] | null;
  readonly namespaces?: readonly string[] | null;
  readonly workload?: readonly string[] | null;
  readonly containers?: readonly string[] | null;
  /** Exact pairs of series labels. */
  readonly labels?: Readonly<Record<string, string>> | null;
}

/** What discovery may find. `include.labels`: all must match; `exclude.labels`: a workload that matches any pair is out. */
export interface DiscoveryFilter {
  readonly include?: FilterSide | null;
  readonly exclude?: FilterSide | null;
}

/** Lists of a side, and what they filter. */
export const filterLists = {
  namespace: 'namespace',
  namespaces: 'namespace',
  workload: 'workload',
  containers: 'container',
} as const satisfies Record<string, DiscoveredKind>;
export type FilterList = keyof typeof filterLists;
