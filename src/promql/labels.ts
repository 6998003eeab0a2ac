/** Groups items by key and keeps their order (Map.groupBy, which Node 20 lacks). */
export function groupBy<K, T>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

export type Labels = Readonly<Record<string, string>>;

/** A key for the values of these labels. A missing label equals an empty one, as in PromQL. */
export function labelKey(labels: Labels, names: readonly string[]): string {
  return JSON.stringify(names.map((name) => labels[name] ?? ''));
}

/** Label pairs of a series, ordered by name. */
export type LabelPairs = readonly (readonly [name: string, value: string])[];

/** The labels among `names` that have a value, ordered by name. */
export function labelPairs(labels: Readonly<Record<string, string>>, names: readonly string[]): LabelPairs {
  return [...names].sort().flatMap((name) => (labels[name] ? [[name, labels[name]] as const] : []));
}

/** The order of series in Prometheus' responses (labels.Compare): by name and value, label by label; a prefix comes first. */
export function compareLabels(one: LabelPairs, other: LabelPairs): number {
  for (let i = 0; i < Math.min(one.length, other.length); i++) {
    const order = compareTexts(one[i]![0], other[i]![0]) || compareTexts(one[i]![1], other[i]![1]);
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

/** By code units, so that the order does not depend on the locale. */
export function compareTexts(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** A key for a complete label set, whatever the order of its labels. */
export function labelSetKey(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([one], [other]) => compareTexts(one, other)));
}
