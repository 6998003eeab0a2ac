import { readFileSync } from 'node:fs';

/** A container to query. */
export interface QueriedContainer {
  readonly namespace: string;
  readonly container: string;
}

const profile = JSON.parse(
  readFileSync(new URL('../config/metric-profiles/resource-optimization-local-monitoring.json', import.meta.url), 'utf8'),
);
/** Containers that Kruize reads concurrently (`bulkThreadPoolSize`). */
const concurrency = 3;
const window = { days: 15, stepSeconds: 900 };

interface Variable {
  readonly name: string;
  readonly kubernetes_object?: string;
  readonly aggregation_functions: readonly { readonly function: string; readonly query: string }[];
}

/**
 * Sends the 37 queries that Kruize sends per container: maxDate, the GPU probe, maxDate again, then every function of every container
 * variable except GPU variables. Drops the responses, so the cost is a lower bound of Kruize's, about a fifth of it. Returns the number of
 * requests.
 */
export async function queryLikeKruize(url: string, containers: readonly QueriedContainer[], endSeconds: number): Promise<number> {
  const waiting = [...containers];
  let requests = 0;
  const worker = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      for (const query of queriesOf(next, endSeconds)) {
        const response = await fetch(`${url}/api/v1/${query}`);
        await response.arrayBuffer();
        if (!response.ok) throw new Error(`Prometheus responded to a query of Kruize with ${response.status}: ${query}`);
        requests++;
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return requests;
}

function queriesOf(container: QueriedContainer, endSeconds: number): string[] {
  const instant = (query: string) => `query?${new URLSearchParams({ query })}`;
  const range = (query: string) =>
    `query_range?${new URLSearchParams({ query, start: String(endSeconds - window.days * 86_400), end: String(endSeconds), step: String(window.stepSeconds) })}`;
  const variables: Variable[] = profile.slo.function_variables;
  const of = (name: string, fn: string) =>
    filled(
      variables.find((variable) => variable.name === name)?.aggregation_functions.find((each) => each.function === fn)?.query ?? '',
      container,
    );
  const usage = variables
    .filter(({ name, kubernetes_object }) => kubernetes_object !== 'namespace' && name !== 'maxDate' && !name.startsWith('accelerator'))
    .flatMap(({ aggregation_functions }) => [...new Map(aggregation_functions.map((each) => [each.function, each.query])).values()])
    .map((query) => range(filled(query, container)));
  const maxDate = instant(of('maxDate', 'max'));
  return [maxDate, range(of('acceleratorMemoryUsage', 'max')), maxDate, ...usage];
}

function filled(query: string, { namespace, container }: QueriedContainer): string {
  return query
    .replaceAll('$NAMESPACE$', namespace)
    .replaceAll('$CONTAINER_NAME$', container)
    .replaceAll('$MEASUREMENT_DURATION_IN_MIN$', String(window.stepSeconds / 60));
}
