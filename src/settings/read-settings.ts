import { readFileSync } from 'node:fs';
import { whyUnreadable } from './files.js';
import { type Settings, settingsSchema } from './settings-schema.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Settings with their faults, and with what the operator should know though it is no fault. */
export interface InspectedSettings {
  /** Where a setting is faulty, its default stands. */
  readonly settings: Settings;
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/** A fault is told in so many characters; a value may be as long as it likes. */
const mostOfFault = 500;

/** The environment holds faulty settings; the message lists all of them. */
export class SettingsError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    const told = faults.map(masked).map((fault) => (fault.length > mostOfFault ? `${fault.slice(0, mostOfFault)}…` : fault));
    super(`Faulty settings:\n${told.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'SettingsError';
    this.faults = told;
  }
}

/** Reads the settings from environment variables; throws one SettingsError that lists every fault. */
export function readSettings(environment: Environment): Settings {
  const { settings, faults } = inspectSettings(environment);
  if (faults.length > 0) throw new SettingsError(faults);
  return settings;
}

/** Reads the settings from environment variables, and from KRUIZE_CONFIG_FILE where the environment is silent. Each fault begins with its setting's name. */
export function inspectSettings(environment: Environment): InspectedSettings {
  const own = Object.fromEntries(Object.entries(environment).filter(([name, value]) => name in settingsSchema.shape && value !== ''));
  const file = own.KRUIZE_CONFIG_FILE ? readKruizeFile(own.KRUIZE_CONFIG_FILE) : noFile;
  const given: Environment = { ...file.values, ...own };
  const read = settingsSchema.safeParse(given);
  const issues = read.success ? [] : read.error.issues.map(({ path, message }) => ({ name: String(path[0]), message }));
  const faulty = new Set(issues.map(({ name }) => name));
  // Faulty settings take their defaults, so that faults between the others are found in the same run. An unreadable KRUIZE_CONFIG_FILE is left out: its fault
  // is listed already, and its datasources are not read a second time.
  const right = Object.entries(given).filter(([name]) => !faulty.has(name) && !(file.isUnreadable && name === 'KRUIZE_CONFIG_FILE'));
  const settings = settingsSchema.parse(Object.fromEntries(right));
  const placeOf = (name: string) => (name in own ? name : `KRUIZE_CONFIG_FILE: ${kruizeNames[name] ?? name}`);
  const isMissed = !settings.KAFKA_BOOTSTRAP_SERVERS && settings.isKafkaEnabled && !faulty.has('KAFKA_BOOTSTRAP_SERVERS');
  const isOff = settings.isKafkaEnabled === false;
  return {
    settings: isOff ? { ...settings, KAFKA_BOOTSTRAP_SERVERS: undefined } : settings,
    faults: [
      ...file.faults,
      ...issues.map(({ name, message }) => `${placeOf(name)}: ${message}, got "${shown(name, given)}"`),
      ...(isMissed ? ['KAFKA_BOOTSTRAP_SERVERS: isKafkaEnabled is true, and no brokers are named'] : []),
      ...faultsBetween(settings).filter((fault) => !faulty.has(fault.slice(0, fault.indexOf(':')))),
    ],
    warnings: [
      ...file.warnings,
      ...(isOff && settings.KAFKA_BOOTSTRAP_SERVERS ? ['KAFKA_BOOTSTRAP_SERVERS has no effect: isKafkaEnabled is false.'] : []),
    ],
  };
}

/** What KRUIZE_CONFIG_FILE gives, under the names of our settings; its datasources are read with the others. */
interface KruizeFile {
  readonly values: Record<string, string>;
  readonly isUnreadable: boolean;
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

const noFile: KruizeFile = { values: {}, isUnreadable: false, faults: [], warnings: [] };

/** Kruize's keys that are read, by our names (spec: bulk-and-kafka.md 3.6). */
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
    // V8 quotes the text, which may hold credentials.
    const reason = error instanceof SyntaxError ? 'it is not valid JSON' : whyUnreadable(error);
    return { ...noFile, isUnreadable: true, faults: [`KRUIZE_CONFIG_FILE: cannot read ${path}: ${reason}`] };
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return { ...noFile, isUnreadable: true, faults: [`KRUIZE_CONFIG_FILE: ${path}: expected a JSON object`] };
  }
  const members = content as Record<string, unknown>;
  const values: Record<string, string> = {};
  const faults: string[] = [];
  for (const [name, key] of Object.entries(kruizeNames)) {
    const value = Array.isArray(members[key]) ? members[key].join(',') : (members[key] ?? '');
    if (typeof value === 'object') faults.push(`KRUIZE_CONFIG_FILE: ${key}: expected a text`);
    else if (value !== '') values[name] = String(value);
  }
  const unread = Object.keys(members).filter((key) => key !== 'datasource' && !Object.values(kruizeNames).includes(key));
  const warnings = unread.length > 0 ? [`These keys of KRUIZE_CONFIG_FILE have no effect: ${unread.join(', ')}.`] : [];
  return { values, isUnreadable: false, faults, warnings };
}

/** Faults that only several settings together show. */
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
  const strange = settings.KAFKA_TOPICS?.filter((topic) => !ours.includes(topic)) ?? [];
  const isShared = settings.ROLE !== 'all' && !settings.DATABASE_URL;
  const faults: [boolean, string][] = [
    [hasLogin && !user, `KAFKA_SASL_USERNAME: KAFKA_SECURITY_PROTOCOL=${protocol} needs it, and it is not set`],
    [hasLogin && !password, `KAFKA_SASL_PASSWORD: KAFKA_SECURITY_PROTOCOL=${protocol} needs it, and it is not set`],
    [
      hasLogin && mechanism === 'OAUTHBEARER' && !settings.KAFKA_SASL_TOKEN_ENDPOINT,
      'KAFKA_SASL_TOKEN_ENDPOINT: KAFKA_SASL_MECHANISM=OAUTHBEARER needs it, and it is not set',
    ],
    [!hasLogin && logins.length > 0, `${logins[0]}: KAFKA_SECURITY_PROTOCOL=${protocol} has no login; set SASL_SSL or SASL_PLAINTEXT`],
    [!protocol.endsWith('SSL') && files.length > 0, `${files[0]}: KAFKA_SECURITY_PROTOCOL=${protocol} has no TLS; set SSL or SASL_SSL`],
    [!settings.KAFKA_SSL_CERTFILE !== !settings.KAFKA_SSL_KEYFILE, 'KAFKA_SSL_CERTFILE, KAFKA_SSL_KEYFILE: one is set without the other'],
    [strange.length > 0, `KAFKA_TOPICS: nothing is published to ${strange.join(', ')}; choose from ${ours.join(', ')}`],
    [!!settings.DATABASE_DIRECT_URL && !settings.DATABASE_URL, 'DATABASE_DIRECT_URL: is set without DATABASE_URL'],
    [isShared, `DATABASE_URL: ROLE=${settings.ROLE} needs it: processes of different roles share one PostgreSQL`],
  ];
  return faults.filter(([holds]) => holds).map(([, fault]) => fault);
}

/** A faulty value as it may be printed. It is masked before it is cut, so that no part of a long password is left. */
function shown(name: string, given: Environment): string {
  if (/PASSWORD|SECRET|_URL$|ENDPOINT/.test(name)) return '…';
  return masked(given[name] ?? '').slice(0, 200);
}

/** A text whose addresses show no user, password or query. A password may hold any character, so all up to the last @ goes. */
function masked(text: string): string {
  return text
    .replaceAll(/\/\/[^\s"]*@/g, '//***@')
    .replaceAll(/[^\s,"/]*:[^\s,"/]*@/g, '***@')
    .replaceAll(/(\/\/[^\s"?]*)\?[^\s"]*/g, '$1?***');
}
