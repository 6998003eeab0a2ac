import { z } from 'zod';
import { settingsSchema } from './settings-schema.js';

/** A setting as shown in `--help` and docs/settings.md. */
export interface DescribedSetting {
  readonly name: string;
  /** The default, written as a user would set it; undefined if there is none. */
  readonly defaultText: string | undefined;
  readonly description: string;
  /** Allowed values; empty if they are not a fixed set. */
  readonly values: readonly string[];
  /** `from … to …`; '' if there is no range. */
  readonly range: string;
}

export interface SettingsChapter {
  readonly heading: string;
  readonly settings: readonly DescribedSetting[];
}

/** Headings and the names of their settings. A setting belongs to the first chapter that matches. */
const chapters: readonly (readonly [heading: string, names: RegExp])[] = [
  ['The process', /^(PORT|HOST|PUBLIC_URL|BASE_PATH|CORS_ORIGINS|ALLOWED_HOSTS|ROLE|LOG_LEVEL|SHUTDOWN_TIMEOUT_MS)$/],
  ['Database and queue', /^(DATABASE_|DATA_DIR|QUEUE_)/],
  ['Datasources', /^(PROMETHEUS_URL|DATASOURCE|KRUIZE_)/],
  [
    'Jobs and experiments',
    /^(bulkapilimit|experimentNameFormat|CONFIG_DIR|LAYERS|ALIGN_END|SHARD_|WORKER_|MEASURE_|RECONCILE_|JOB_|USAGE_)/,
  ],
  ['Kafka: topics and records', /^(isKafkaEnabled|KAFKA_(BOOTSTRAP|CLIENT|TOPIC|CREATE|RESPONSE|CE_|MAX|COMPRESSION)|CE_)/],
  ['Kafka: TLS and SASL', /^KAFKA_/],
  ['Webhooks', /^WEBHOOK_/],
  ['Other', /./],
];

/** All settings by chapter. */
export function describedChapters(): SettingsChapter[] {
  let rest = describedSettings();
  return chapters.flatMap(([heading, names]) => {
    const settings = rest.filter(({ name }) => names.test(name));
    rest = rest.filter(({ name }) => !names.test(name));
    return settings.length > 0 ? [{ heading, settings }] : [];
  });
}

/** Text of `--help`: every environment variable with default, description and range. */
export function describeSettings(): string {
  const parts = describedChapters().map(({ heading, settings }) => `${heading}\n\n${settings.map(linesOf).join('\n')}\n`);
  return `rightsizer: sizes the containers of clusters in bulk. Settings are environment variables:\n\n${parts.join('\n')}`;
}

function linesOf({ name, defaultText, description, values, range }: DescribedSetting): string {
  const bounds = values.length > 0 ? `One of ${values.join(', ')}.` : range && `${range[0]!.toUpperCase()}${range.slice(1)}.`;
  return `  ${name}${defaultText === undefined ? '' : `=${defaultText}`}\n      ${[`${description}.`, bounds].join(' ').trimEnd()}`;
}

function describedSettings(): DescribedSetting[] {
  const { properties = {} } = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' });
  const defaults: Readonly<Record<string, unknown>> = settingsSchema.parse({});
  return Object.entries(properties).map(([name, property]) => {
    const { description = '', minimum, maximum, ...schema } = property as z.core.JSONSchema.JSONSchema;
    // Parsing turns durations into seconds; the JSON schema keeps the default as written, such as 1h.
    const value = schema.default ?? defaults[name];
    return {
      name,
      defaultText: value === undefined || String(value) === '' ? undefined : String(value),
      description,
      values: (schema.enum ?? []).map(String),
      range: minimum === undefined ? '' : `from ${minimum} to ${maximum}`,
    };
  });
}
