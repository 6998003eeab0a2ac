import { z } from 'zod';
import { findSyntaxFault } from './promql/parse-promql.js';

/** One variable of a metric profile: its PromQL by aggregation function (`avg`, `max`, …). */
export interface ProfileVariable {
  readonly name: string;
  readonly kubernetesObject: string;
  readonly queries: Readonly<Record<string, string>>;
}

/** Which PromQL answers for which metric, as data (spec: rest-api.md 3.2). */
export interface MetricProfile {
  readonly name: string;
  readonly variables: ReadonlyMap<string, ProfileVariable>;
}

/** A metric profile that cannot be used; each fault names the source, the variable and the field. */
export class MetricProfileError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(`Faulty metric profiles:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'MetricProfileError';
  }
}

const profileSchema = z.object({
  metadata: z.object({ name: z.string().min(1) }),
  slo: z.object({
    function_variables: z
      .array(
        z.object({
          name: z.string().min(1),
          kubernetes_object: z.string().default('container'),
          aggregation_functions: z.array(z.object({ function: z.string().min(1), query: z.string().nullish() })).min(1),
        }),
      )
      .min(1),
  }),
});

type ProfileDocument = z.output<typeof profileSchema>;

/**
 * Reads a metric profile in its input form; `source` (a file's name) begins every fault. Members that we do not use are ignored.
 * Where a function stands twice in a variable the last entry wins, and an empty query counts as absent, as in the reference (1.2, 1.3).
 * Throws a MetricProfileError.
 */
export function readMetricProfile(document: unknown, source: string): MetricProfile {
  const read = profileSchema.safeParse(document);
  if (!read.success) throw new MetricProfileError(read.error.issues.map((issue) => shapeFault(document, issue, source)));
  const faults = syntaxFaults(read.data, source);
  if (faults.length > 0) throw new MetricProfileError(faults);
  return {
    name: read.data.metadata.name,
    variables: new Map(read.data.slo.function_variables.map((variable) => [variable.name, variableOf(variable)])),
  };
}

function variableOf(variable: ProfileDocument['slo']['function_variables'][number]): ProfileVariable {
  const asked = variable.aggregation_functions.flatMap((entry) => (entry.query?.trim() ? [[entry.function, entry.query] as const] : []));
  return { name: variable.name, kubernetesObject: variable.kubernetes_object, queries: Object.fromEntries(asked) };
}

function shapeFault(document: unknown, { path, message }: z.core.$ZodIssue, source: string): string {
  const [slo, list, index, ...field] = path;
  if (slo !== 'slo' || list !== 'function_variables' || typeof index !== 'number') return `${source}: ${path.join('.')}: ${message}`;
  const named = (document as { slo: { function_variables: { name?: unknown }[] } }).slo.function_variables[index]?.name;
  const variable = typeof named === 'string' && named !== '' ? named : `number ${index + 1}`;
  return `${source}: variable ${variable}: ${field.join('.')}: ${message}`;
}

function syntaxFaults(document: ProfileDocument, source: string): string[] {
  return document.slo.function_variables.flatMap((variable) =>
    variable.aggregation_functions.flatMap(({ function: name, query }, index) => {
      const position = query?.trim() ? findSyntaxFault(query) : undefined;
      if (position === undefined) return [];
      return [
        `${source}: variable ${variable.name}: aggregation_functions.${index}.query (${name}): not PromQL from position ${position} on`,
      ];
    }),
  );
}
