import { z } from 'zod';
import { type Capabilities, recordingRules } from '../datasource/capabilities.js';
import { findSyntaxFault } from '../promql/expression.js';
import type { Layer } from '../recommendation/settings.js';
import type { Settings } from '../settings/settings-schema.js';
import { ConfigError, readConfigFolder } from './config-folder.js';
import { knownLayers } from './layer.js';
import { durationPlaceholder, experimentPlaceholders, withDurationAsNumber } from './placeholders.js';

/** One variable of a metric profile, with its PromQL by aggregation function (`avg`, `max`, …). */
export interface ProfileVariable {
  readonly name: string;
  readonly kubernetesObject: string;
  readonly queries: Readonly<Record<string, string>>;
  /** Only containers with one of these layers have the series; absent = any container may. It saves queries and changes no result. */
  readonly layersRequired?: readonly Layer[];
}

/** A metric profile (Kruize: design/MetricProfile.md): the PromQL of each metric. */
export interface MetricProfile {
  readonly name: string;
  readonly variables: ReadonlyMap<string, ProfileVariable>;
}

const layer = z.enum(knownLayers, {
  error: ({ input }) => `unknown layer ${JSON.stringify(input)}; expected one of ${knownLayers.join(', ')}`,
});

const profileSchema = z.object({
  metadata: z.object({ name: z.string().min(1) }),
  slo: z.object({
    function_variables: z
      .array(
        z.object({
          name: z.string().min(1),
          kubernetes_object: z.string().default('container'),
          layers_required: z.array(layer).nullish(),
          aggregation_functions: z.array(z.object({ function: z.string().min(1), query: z.string().nullish() })).min(1),
        }),
      )
      .min(1),
  }),
});

type ProfileDocument = z.output<typeof profileSchema>;

/**
 * Reads a metric profile in Kruize's format. Ignores members that we do not use. If a variable has a function twice, the last entry wins;
 * an empty query counts as absent. Both are as in Kruize. Throws a ConfigError whose faults start with `source`, a file name.
 */
export function readMetricProfile(document: unknown, source: string): MetricProfile {
  const read = profileSchema.safeParse(document);
  const faults = read.success ? queryFaults(read.data, source) : read.error.issues.map((issue) => shapeFault(document, issue, source));
  if (!read.success || faults.length > 0) throw new ConfigError('metric profiles', faults);
  return {
    name: read.data.metadata.name,
    variables: new Map(read.data.slo.function_variables.map((variable) => [variable.name, variableOf(variable)])),
  };
}

function variableOf(variable: ProfileDocument['slo']['function_variables'][number]): ProfileVariable {
  const queries = variable.aggregation_functions.flatMap((entry) => (entry.query?.trim() ? [[entry.function, entry.query] as const] : []));
  const { name, kubernetes_object: kubernetesObject, layers_required: layersRequired } = variable;
  return { name, kubernetesObject, queries: Object.fromEntries(queries), ...(layersRequired?.length && { layersRequired }) };
}

function shapeFault(document: unknown, { path, message }: z.core.$ZodIssue, source: string): string {
  const [slo, list, index, ...field] = path;
  if (slo !== 'slo' || list !== 'function_variables' || typeof index !== 'number') return `${source}: ${path.join('.')}: ${message}`;
  const named = (document as { slo: { function_variables: { name?: unknown }[] } }).slo.function_variables[index]?.name;
  const variable = typeof named === 'string' && named !== '' ? named : `number ${index + 1}`;
  return `${source}: variable ${variable}: ${field.join('.')}: ${message}`;
}

/** Aggregation functions that Kruize knows. */
const knownFunctions: readonly string[] = ['avg', 'min', 'max', 'sum', 'median', 'mode', 'range'];

/** Placeholders that a query may contain. */
const knownPlaceholders: readonly string[] = [
  ...Object.keys(experimentPlaceholders),
  durationPlaceholder,
  ...['$UUID$', '$GPU_I_PROFILE$', '$POD$'],
];

/** Placeholders that a query needs to select one namespace or container. A query that selects one GPU by `$UUID$` needs no others. */
const requiredPlaceholders: Readonly<Record<string, readonly string[]>> = {
  container: ['$NAMESPACE$', '$CONTAINER_NAME$'],
  namespace: ['$NAMESPACE$'],
};

function queryFaults(document: ProfileDocument, source: string): string[] {
  return document.slo.function_variables.flatMap(({ name: variable, kubernetes_object, aggregation_functions }) =>
    aggregation_functions.flatMap(({ function: name, query }) => {
      const where = `${source}: profile ${document.metadata.name}: ${variable}.${name}`;
      const faults = [
        ...(knownFunctions.includes(name) ? [] : [`unknown function "${name}"; expected one of ${knownFunctions.join(', ')}`]),
        ...(query?.trim() ? textFaults(query, requiredPlaceholders[kubernetes_object] ?? []) : []),
      ];
      return faults.map((fault) => `${where}: ${fault}`);
    }),
  );
}

/** Faults of a query's text, with positions from 0. */
function textFaults(query: string, required: readonly string[]): string[] {
  const fault = findSyntaxFault(withDurationAsNumber(query));
  if (fault) return [fault.what];
  const found = [...query.matchAll(/\$[A-Z_]+\$/g)];
  const names = found.map(([name]) => name);
  const unknown = found.filter(([name]) => !knownPlaceholders.includes(name));
  const missing = names.includes('$UUID$') ? [] : required.filter((name) => !names.includes(name));
  return [
    ...unknown.map(({ 0: name, index }) => `unknown placeholder ${name} at position ${index}`),
    ...missing.map(
      (name) =>
        `has no ${name} between position 0 and ${query.length}; add it to the selector, or the query returns the series of all experiments`,
    ),
  ];
}

/** The metric profiles of `CONFIG_DIR/metric-profiles`, read once at start. */
export class MetricProfiles {
  private readonly profiles: ReadonlyMap<string, MetricProfile>;

  /** Throws one ConfigError with the faults of all files. */
  constructor(settings: Pick<Settings, 'CONFIG_DIR'>) {
    this.profiles = readConfigFolder(settings, {
      folder: 'metric-profiles',
      read: readMetricProfile,
      nameField: 'metadata.name',
      nameOf: ({ name }) => name,
    });
  }

  /** The names of all profiles, in the order of the files. */
  names(): string[] {
    return [...this.profiles.keys()];
  }

  find(name: string): MetricProfile | undefined {
    return this.profiles.get(name);
  }

  /**
   * The name of the profile that fits a datasource. If the profile uses the recording rule of CPU usage and the datasource lacks it, this is the twin that
   * reads the containers' counters, if there is one. In Kruize both have the same name.
   */
  fitting(name: string, { cpu: hasCpuRule }: Capabilities['rules']): string {
    const twin = `${name}-norecordingrules`;
    if (hasCpuRule || !this.profiles.has(twin)) return name;
    const queries = [...(this.find(name)?.variables.values() ?? [])].flatMap((variable) => Object.values(variable.queries));
    return queries.some((query) => query.includes(recordingRules.cpu)) ? twin : name;
  }
}
