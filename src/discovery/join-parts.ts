import type { PrometheusSeries } from '../datasource/prometheus-client.js';

type Answers = readonly (readonly PrometheusSeries[])[];

/** The answers to the same questions about parts of a range, in the order of time, as answers about the whole: series of equal labels become one. */
export function joinParts(parts: readonly Answers[]): Answers {
  const [first = [], ...later] = parts;
  return later.length === 0 ? first : first.map((_, question) => joinSeries(parts.flatMap((answers) => answers[question] ?? [])));
}

function joinSeries(series: readonly PrometheusSeries[]): PrometheusSeries[] {
  const joined = new Map<string, PrometheusSeries>();
  for (const { labels, samples } of series) {
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    joined.set(key, { labels, samples: [...(joined.get(key)?.samples ?? []), ...samples] });
  }
  return [...joined.values()];
}
