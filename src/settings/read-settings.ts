import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { whyUnreadable } from './files.js';
import { type Settings, settingsSchema } from './settings-schema.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Maximum characters of one error message; values have no limit. */
const maxFaultLength = 500;

/** Some settings are invalid; the message lists all of them. */
export class SettingsError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    const messages = faults.map(masked).map((fault) => (fault.length > maxFaultLength ? `${fault.slice(0, maxFaultLength)}…` : fault));
    super(['Invalid settings:', ...messages].join('\n  '));
    this.name = 'SettingsError';
    this.faults = messages;
  }
}

/** Reads the settings from environment variables. Throws a SettingsError that lists all errors. */
export function readSettings(environment: Environment): Settings {
  const { settings, faults } = inspectSettings(environment);
  if (faults.length > 0) throw new SettingsError(faults);
  return settings;
}

/**
 * Reads the settings from environment variables, which take precedence, and from KRUIZE_CONFIG_FILE. Each error begins with the name of its setting.
 * Invalid settings have their defaults.
 */
export function inspectSettings(environment: Environment): { settings: Settings; faults: string[]; warnings: string[] } {
  const own = Object.fromEntries(Object.entries(environment).filter(([name, value]) => name in settingsSchema.shape && value !== ''));
  const file = own.KRUIZE_CONFIG_FILE ? readKruizeFile(own.KRUIZE_CONFIG_FILE) : emptyFile;
  const given: Environment = { ...file.values, ...own };
  const read = settingsSchema.safeParse(given);
  const issues = read.success ? [] : read.error.issues.map(({ path, message }) => ({ name: String(path[0]), message }));
  const faulty = new Set(issues.map(({ name }) => name));
  // Invalid settings get their defaults, so that conflicts between the others are found in the same run. An unreadable KRUIZE_CONFIG_FILE is dropped,
  // because it is already reported and must not be read again for its datasources.
  const valid = Object.entries(given).filter(([name]) => !faulty.has(name) && !(file.isUnreadable && name === 'KRUIZE_CONFIG_FILE'));
  const settings = settingsSchema.parse(Object.fromEntries(valid));
  const placeOf = (name: string) => (name in own ? name : `KRUIZE_CONFIG_FILE: ${kruizeNames[name] ?? name}`);
  const lacksBrokers = !settings.KAFKA_BOOTSTRAP_SERVERS && settings.isKafkaEnabled && !faulty.has('KAFKA_BOOTSTRAP_SERVERS');
  const isOff = settings.isKafkaEnabled === false;
  return {
    settings: isOff ? { ...settings, KAFKA_BOOTSTRAP_SERVERS: undefined } : settings,
    faults: [
      ...file.faults,
      ...issues.map(({ name, message }) => `${placeOf(name)}: ${message}, got "${shown(name, given)}"`),
      ...(lacksBrokers ? ['KAFKA_BOOTSTRAP_SERVERS: not set, but isKafkaEnabled is true; set it, or set isKafkaEnabled=false'] : []),
      ...faultsBetween(settings).filter((fault) => !faulty.has(fault.slice(0, fault.indexOf(':')))),
    ],
    warnings: [
      ...file.warnings,
      ...(isOff && settings.KAFKA_BOOTSTRAP_SERVERS ? ['KAFKA_BOOTSTRAP_SERVERS has no effect: isKafkaEnabled is false.'] : []),
    ],
  };
}

/** Content of KRUIZE_CONFIG_FILE by the names of our settings. Its datasources are read separately, in datasource/. */
interface KruizeFile {
  readonly values: Record<string, string>;
  readonly isUnreadable: boolean;
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

const emptyFile: KruizeFile = { values: {}, isUnreadable: false, faults: [], warnings: [] };

/** Supported keys of Kruize's configuration file, by the name of our setting (Kruize: design/KruizeConfiguration.md). */
const kruizeNames: Readonly<Record<string, string>> = {
  KAFKA_BOOTSTRAP_SERVERS: 'kafkaBootstrapServers',
  isKafkaEnabled: 'isKafkaEnabled',
  bulkapilimit: 'bulkapilimit',
  experimentNameFormat: 'experimentNameFormat',
};

function readKruizeFile(path: string): KruizeFile {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    // V8's message quotes the text, which may contain credentials.
    const reason = error instanceof SyntaxError ? 'it is not valid JSON' : whyUnreadable(error);
    return { ...emptyFile, isUnreadable: true, faults: [`KRUIZE_CONFIG_FILE: cannot read ${path}: ${reason}`] };
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return { ...emptyFile, isUnreadable: true, faults: [`KRUIZE_CONFIG_FILE: ${path}: expected a JSON object`] };
  }
  const members = content as Record<string, unknown>;
  const values: Record<string, string> = {};
  const faults: string[] = [];
  for (const [name, key] of Object.entries(kruizeNames)) {
    const value = Array.isArray(members[key]) ? members[key].join(',') : (members[key] ?? '');
    if (typeof value === 'object') faults.push(`KRUIZE_CONFIG_FILE: ${key}: expected a string`);
    else if (value !== '') values[name] = String(value);
  }
  const unread = Object.keys(members).filter((key) => key !== 'datasource' && !Object.values(kruizeNames).includes(key));
  const warnings = unread.length > 0 ? [`These keys of KRUIZE_CONFIG_FILE have no effect: ${unread.join(', ')}.`] : [];
  return { values, isUnreadable: false, faults, warnings };
}

/** Returns conflicts between settings. */
function faultsBetween(settings: Settings): string[] {
  const { KAFKA_SECURITY_PROTOCOL: protocol, KAFKA_SASL_MECHANISM: mechanism } = settings;
  const hasLogin = protocol.startsWith('SASL');
  const user = settings.KAFKA_SASL_USERNAME ?? settings.KAFKA_PLAIN_USERNAME;
  const password = settings.KAFKA_SASL_PASSWORD ?? settings.KAFKA_PLAIN_PASSWORD;
  const named = (...names: (keyof Settings)[]) => names.filter((name) => settings[name] !== undefined);
  const logins = named(
    'KAFKA_SASL_USERNAME',
    'KAFKA_SASL_PASSWORD',
    'KAFKA_PLAIN_USERNAME',
    'KAFKA_PLAIN_PASSWORD',
    'KAFKA_SASL_TOKEN_ENDPOINT',
  );
  const files = named('KAFKA_SSL_CAFILE', 'KAFKA_SSL_CERTFILE', 'KAFKA_SSL_KEYFILE');
  const ours = [settings.KAFKA_TOPIC_RECOMMENDATIONS, settings.KAFKA_TOPIC_ERROR, settings.KAFKA_TOPIC_SUMMARY];
  const unknownTopics = settings.KAFKA_TOPICS?.filter((topic) => !ours.includes(topic)) ?? [];
  const isShared = settings.ROLE !== 'all' && !settings.DATABASE_URL;
  const faults: [boolean, string][] = [
    [hasLogin && !user, `KAFKA_SASL_USERNAME: KAFKA_SECURITY_PROTOCOL=${protocol} requires it, and it is not set`],
    [hasLogin && !password, `KAFKA_SASL_PASSWORD: KAFKA_SECURITY_PROTOCOL=${protocol} requires it, and it is not set`],
    [
      hasLogin && mechanism === 'OAUTHBEARER' && !settings.KAFKA_SASL_TOKEN_ENDPOINT,
      'KAFKA_SASL_TOKEN_ENDPOINT: KAFKA_SASL_MECHANISM=OAUTHBEARER requires it, and it is not set',
    ],
    [
      !hasLogin && logins.length > 0,
      `${logins[0]}: KAFKA_SECURITY_PROTOCOL=${protocol} does not use a login; set it to SASL_SSL or SASL_PLAINTEXT`,
    ],
    [
      !protocol.endsWith('SSL') && files.length > 0,
      `${files[0]}: KAFKA_SECURITY_PROTOCOL=${protocol} does not use TLS; set it to SSL or SASL_SSL`,
    ],
    [
      !settings.KAFKA_SSL_CERTFILE !== !settings.KAFKA_SSL_KEYFILE,
      'KAFKA_SSL_CERTFILE, KAFKA_SSL_KEYFILE: only one of them is set; set both or neither',
    ],
    [unknownTopics.length > 0, `KAFKA_TOPICS: nothing is published to ${unknownTopics.join(', ')}; choose from ${ours.join(', ')}`],
    [!!settings.DATABASE_DIRECT_URL && !settings.DATABASE_URL, 'DATABASE_DIRECT_URL: set without DATABASE_URL; set both or neither'],
    [
      named('KAFKA_INPUT_TOPIC', 'BULK_INPUT_TOPIC').length > 0 && !settings.KAFKA_BOOTSTRAP_SERVERS,
      `${named('KAFKA_INPUT_TOPIC', 'BULK_INPUT_TOPIC')[0]}: requires KAFKA_BOOTSTRAP_SERVERS, and it is not set`,
    ],
    [isShared, `DATABASE_URL: ROLE=${settings.ROLE} requires it, because processes of different roles share one PostgreSQL`],
  ];
  return faults.filter(([holds]) => holds).map(([, fault]) => fault);
}

/** Returns an invalid value for an error message. Masks it before shortening it, so that no part of a long password remains. */
function shown(name: string, given: Environment): string {
  if (/PASSWORD|SECRET|_URL$|ENDPOINT/.test(name)) return '…';
  return masked(given[name] ?? '').slice(0, 200);
}

/** Masks user, password and query of URLs in a text. A password may contain any character, so everything up to the last @ is masked. */
function masked(text: string): string {
  return text
    .replaceAll(/\/\/[^\s"]*@/g, '//***@')
    .replaceAll(/[^\s,"/]*:[^\s,"/]*@/g, '***@')
    .replaceAll(/(\/\/[^\s"?]*)\?[^\s"]*/g, '$1?***');
}

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

/** Headings and the names of their settings. A setting belongs to the first chapter that matches. */
const chapters: readonly (readonly [heading: string, names: RegExp])[] = [
  ['The process', /^(PORT|HOST|PUBLIC_URL|BASE_PATH|CORS_ORIGINS|ALLOWED_HOSTS|ROLE|LOG_LEVEL|SHUTDOWN_TIMEOUT_MS)$/],
  ['Database and queue', /^(DATABASE_|DATA_DIR|QUEUE_)/],
  ['Datasources', /^(PROMETHEUS_URL|DATASOURCE|KRUIZE_)/],
  [
    'Jobs and experiments',
    /^(bulkapilimit|experimentNameFormat|CONFIG_DIR|LAYERS|ALIGN_END|SHARD_|WORKER_|MEASURE_|RECONCILE_|JOB_|USAGE_)/,
  ],
  ['Kafka: input topics', /^(KAFKA_(INPUT|CONSUMER|INITIAL|DEAD)|BULK_INPUT)_/],
  ['Kafka: topics and records', /^(isKafkaEnabled|KAFKA_(BOOTSTRAP|CLIENT|TOPIC|CREATE|RESPONSE|CE_|MAX|COMPRESSION)|CE_)/],
  ['Kafka: TLS and SASL', /^KAFKA_/],
  ['Webhooks', /^WEBHOOK_/],
  ['Other', /./],
];

/** All settings by chapter. */
export function describedChapters(): { heading: string; settings: DescribedSetting[] }[] {
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
