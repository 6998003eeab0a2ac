import type { PrometheusSeries } from '../../datasource/prometheus-client.js';

/** Joins the answers to one query's slices, oldest first, to what the query in one piece had answered: one series a label set, in label order. */
export function stitchSlices(slices: readonly (readonly PrometheusSeries[])[]): readonly PrometheusSeries[] {
  if (slices.length === 1) return slices[0]!;
  const stitched = new Map<string, { labels: PrometheusSeries['labels']; parts: PrometheusSeries['samples'][] }>();
  for (const { labels, samples } of slices.flat()) {
    const key = JSON.stringify(sortedLabels(labels));
    const known = stitched.get(key);
    if (known) known.parts.push(samples);
    else stitched.set(key, { labels, parts: [samples] });
  }
  return [...stitched.entries()]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, { labels, parts }]) => ({ labels, samples: parts.flat() }));
}

function sortedLabels(labels: PrometheusSeries['labels']): [string, string][] {
  return Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1));
}
