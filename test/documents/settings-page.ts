import { z } from 'zod';
import { settingsSchema } from '../../src/settings/settings-schema.js';

/** Headings of docs/settings.md, and the settings that stand below each: those whose names match no earlier one. */
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

interface Described {
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** The text of docs/settings.md: every environment variable with default, meaning and bounds, as src/settings/settings-schema.ts states them. */
export function settingsPage(): string {
  const { properties = {} } = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' });
  const rest = new Map(Object.entries(properties) as [string, Described][]);
  const parts = chapters.flatMap(([heading, names]) => {
    const settings = [...rest].filter(([name]) => names.test(name));
    for (const [name] of settings) rest.delete(name);
    return settings.length === 0
      ? []
      : [`## ${heading}\n\n| name | default | meaning |\n|---|---|---|\n${settings.map(rowOf).join('\n')}\n`];
  });
  return `${head}\n${parts.join('\n')}`;
}

const head = `# Settings

<!-- Made from src/settings/settings-schema.ts by \`node --import tsx scripts/write-settings-page.ts\`; a test holds the two together. -->

Every setting is an environment variable; an empty one counts as unset. A faulty one stops the start, and all faults are listed at once.
\`npm start -- --help\` prints the same list.
`;

function rowOf([name, described]: [string, Described]): string {
  const cells = [`\`${name}\``, defaultOf(name), `${described.description}${boundsOf(described)}`];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function defaultOf(name: string): string {
  const value = (settingsSchema.parse({}) as Record<string, unknown>)[name];
  return value === undefined || (Array.isArray(value) && value.length === 0) ? '' : `\`${value}\``;
}

function boundsOf({ enum: words, minimum, maximum }: Described): string {
  if (words) return `; ${words.map((word) => `\`${word}\``).join(', ')}`;
  return minimum === undefined ? '' : `; from ${minimum} to ${maximum}`;
}
