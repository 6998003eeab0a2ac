import { z } from 'zod';
import { settingsSchema } from './settings-schema.js';

/** A setting as the help and docs/settings.md show it. */
export interface DescribedSetting {
  readonly name: string;
  /** The default, written as a user would set it; undefined if there is none. */
  readonly defaultText: string | undefined;
  readonly description: string;
  /** The words that it may be. */
  readonly words: readonly string[];
  /** `from … to …`; '' = it has no range. */
  readonly range: string;
}

/** Settings under one heading. */
export interface SettingsChapter {
  readonly heading: string;
  readonly settings: readonly DescribedSetting[];
}

/** Headings, and the settings that stand below each: those whose names match no earlier one. */
const chapters: readonly (readonly [heading: string, names: RegExp])[] = [
  ['The process', /^(PORT|HOST|PUBLIC_URL|BASE_PATH|CORS_ORIGINS|ALLOWED_HOSTS|ROLE|LOG_LEVEL|SHUTDOWN_TIMEOUT_MS)$/],
  ['Database and queue', /^(DATABASE_|DATA_DIR|QUEUE_)/],
  ['Datasources', /^(PROMETHEUS_URL|DATASOURCE|KRUIZE_)/],
  [
    'Jobs and experiments',
    /^(bulkapilimit|experimentNameFormat|CONFIG_DIR|LAYERS|ALIGN_END|SHARD_|WORKER_|MEASURE_|RECONCILE_|JOB_|USAGE_)/,
  ],
  ['Kafka: what is published where', /^(isKafkaEnabled|KAFKA_(BOOTSTRAP|CLIENT|TOPIC|CREATE|RESPONSE|CE_|MAX|COMPRESSION)|CE_)/],
  ['Kafka: TLS and SASL', /^KAFKA_/],
  ['Webhooks', /^WEBHOOK_/],
  ['Others', /./],
];

/** Every setting, by chapter. */
export function describedChapters(): SettingsChapter[] {
  let rest = describedSettings();
  return chapters.flatMap(([heading, names]) => {
    const settings = rest.filter(({ name }) => names.test(name));
    rest = rest.filter(({ name }) => !names.test(name));
    return settings.length > 0 ? [{ heading, settings }] : [];
  });
}

/** The help of the service: every environment variable with its default, meaning and bounds. */
export function describeSettings(): string {
  const parts = describedChapters().map(({ heading, settings }) => `${heading}\n\n${settings.map(linesOf).join('\n')}\n`);
  return `rightsizer: sizes the containers of clusters in bulk. Settings are environment variables:\n\n${parts.join('\n')}`;
}

function linesOf({ name, defaultText, description, words, range }: DescribedSetting): string {
  const bounds = words.length > 0 ? `One of ${words.join(', ')}.` : range && `${range[0]!.toUpperCase()}${range.slice(1)}.`;
  return `  ${name}${defaultText === undefined ? '' : `=${defaultText}`}\n      ${[`${description}.`, bounds].join(' ').trimEnd()}`;
}

function describedSettings(): DescribedSetting[] {
  const { properties = {} } = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' });
  const defaults: Readonly<Record<string, unknown>> = settingsSchema.parse({});
  return Object.entries(properties).map(([name, property]) => {
    const { description = '', minimum, maximum, ...given } = property as z.core.JSONSchema.JSONSchema;
    // Durations are parsed to seconds; the JSON schema keeps the default as written, such as 1h.
    const value = given.default ?? defaults[name];
    return {
      name,
      defaultText: value === undefined || String(value) === '' ? undefined : String(value),
      description,
      words: (given.enum ?? []).map(String),
      range: minimum === undefined ? '' : `from ${minimum} to ${maximum}`,
    };
  });
}
