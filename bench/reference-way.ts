import { readFileSync } from 'node:fs';

/** A container that the reference is asked about. */
export interface AskedContainer {
  readonly namespace: string;
  readonly container: string;
}

const profile = JSON.parse(
  readFileSync(new URL('../config/metric-profiles/resource-optimization-local-monitoring.json', import.meta.url), 'utf8'),
);
/** Containers that Kruize fetches at once (`bulkThreadPoolSize`). */
const atOnce = 3;
const window = { days: 15, stepSeconds: 900 };

interface Variable {
  readonly name: string;
  readonly kubernetes_object?: string;
  readonly aggregation_functions: readonly { readonly function: string; readonly query: string }[];
}

/**
 * The 37 questions that Kruize asks about one container (spec: recommendations.md 2.2): maxDate, the GPU probe, maxDate again, then every
 * function of every container variable, GPU variables apart. Answers are read and dropped: a lower bound of its cost, about a fifth of it.
 */
export async function askAsReference(url: string, containers: readonly AskedContainer[], endSeconds: number): Promise<number> {
  const waiting = [...containers];
  let requests = 0;
  const worker = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      for (const question of questionsOf(next, endSeconds)) {
        const answer = await fetch(`${url}/api/v1/${question}`);
        await answer.arrayBuffer();
        if (!answer.ok) throw new Error(`the reference's question was answered with ${answer.status}: ${question}`);
        requests++;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return requests;
}

function questionsOf(container: AskedContainer, endSeconds: number): string[] {
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

function filled(query: string, { namespace, container }: AskedContainer): string {
  return query
    .replaceAll('$NAMESPACE$', namespace)
    .replaceAll('$CONTAINER_NAME$', container)
    .replaceAll('$MEASUREMENT_DURATION_IN_MIN$', String(window.stepSeconds / 60));
}
