import { z } from 'zod';
import { findSyntaxFault } from '../promql/expression.js';
import { type Layer, recommendationTypes } from '../recommendation/settings.js';
import type { Settings } from '../settings/settings-schema.js';
import { ConfigError, readConfigFolder } from './config-folder.js';
import { withDurationAsNumber } from './placeholders.js';

/** Layers for which the engine computes values. */
export const knownLayers = ['container', ...recommendationTypes.runtimes] as const satisfies readonly Layer[];

/** A layer in Kruize's sense (design/KruizeLayers.md): a runtime that a container may have, and how to detect it. */
export interface LayerFile {
  readonly name: string;
  /** Present in every container, or in those for which any of these queries returns series. */
  readonly presence: 'always' | readonly string[];
}

const text = z.string().min(1);
const bound = text.refine((bound) => Number.isFinite(Number(bound)) && Number(bound) >= 0, {
  error: 'expected a non-negative number as a string',
});

const numericTunable = z
  .object({ lower_bound: bound, upper_bound: bound, step: z.number().positive(), choices: z.never().optional() })
  .refine(({ lower_bound, upper_bound }) => Number(lower_bound) < Number(upper_bound), { error: 'lower_bound must be below upper_bound' })
  .refine(({ lower_bound, upper_bound, step }) => step <= Number(upper_bound) - Number(lower_bound), {
    error: 'step must be at most upper_bound - lower_bound',
  });
const categoricalTunable = z.object({
  choices: z.array(text).min(1),
  lower_bound: z.never().optional(),
  upper_bound: z.never().optional(),
});

const presenceSchema = z.union(
  [
    z.strictObject({ presence: z.literal('always') }),
    z.strictObject({ queries: z.array(z.object({ datasource: z.literal('prometheus'), query: text, key: text.optional() })).min(1) }),
  ],
  { error: 'expected either "presence": "always" or "queries" with datasource "prometheus" and query each' },
);

const layerSchema = z.object({
  apiVersion: text,
  kind: text,
  metadata: z.object({ name: text }),
  layer_name: text.max(255),
  details: z.string().optional(),
  layer_presence: presenceSchema,
  // Bounds and choices are validated but not used: the values come from the engine's rules, as in Kruize.
  tunables: z
    .array(
      z
        .object({ name: text, value_type: text })
        .and(z.union([numericTunable, categoricalTunable], { error: 'expected either choices, or bounds and a step' })),
    )
    .min(1)
    .refine((tunables) => new Set(tunables.map(({ name }) => name)).size === tunables.length, { error: 'two tunables have the same name' }),
});

/** Reads a layer in Kruize's format. Ignores members that we do not use. Throws a ConfigError whose faults start with `source`, a file name. */
export function readLayer(document: unknown, source: string): LayerFile {
  const read = layerSchema.safeParse(document);
  if (!read.success) {
    const faults = read.error.issues.map(({ path, message }) => `${source}: ${path.join('.')}: ${message}`);
    throw new ConfigError('layers', faults);
  }
  const { layer_name: name, layer_presence: presence } = read.data;
  if ('presence' in presence) return { name, presence: 'always' };
  const queries = presence.queries.map(({ query }) => query);
  const faults = queries.flatMap((query, index) => {
    const fault = findSyntaxFault(withDurationAsNumber(query));
    return fault ? [`${source}: layer ${name}: layer_presence.queries.${index}.query: ${fault.what}`] : [];
  });
  if (faults.length > 0) throw new ConfigError('layers', faults);
  return { name, presence: queries };
}

/** A layer that is detected in containers. */
export interface RegisteredLayer extends LayerFile {
  readonly name: Layer;
}

/** The layers of CONFIG_DIR/layers that the setting LAYERS names, read once at the start. */
export class Layers {
  readonly registered: readonly RegisteredLayer[];

  /** Throws one ConfigError with all faults of the files and all names without a file. Reads no file if LAYERS is empty. */
  constructor(settings: Pick<Settings, 'CONFIG_DIR' | 'LAYERS'>) {
    const names = [...new Set(settings.LAYERS)];
    const format = { folder: 'layers', read: readLayer, nameField: 'layer_name', nameOf: ({ name }: LayerFile) => name };
    this.registered = names.length === 0 ? [] : register(names, readConfigFolder(settings, format));
  }
}

function register(names: readonly string[], found: ReadonlyMap<string, LayerFile>): RegisteredLayer[] {
  const known: readonly string[] = knownLayers;
  const faults = names.flatMap((name) => {
    if (!found.has(name))
      return [`LAYERS: ${name}: no file of CONFIG_DIR/layers has this layer_name; there are ${[...found.keys()].join(', ') || 'none'}`];
    return known.includes(name) ? [] : [`LAYERS: ${name}: the engine does not know this layer; it knows ${known.join(', ')}`];
  });
  if (faults.length > 0) throw new ConfigError('layers', faults);
  return names.map((name) => found.get(name) as RegisteredLayer);
}
