import { type Settings, settingsSchema } from './settings-schema.js';

/** The environment holds faulty settings; the message lists all of them. */
export class SettingsError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(`Faulty settings:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'SettingsError';
  }
}

/** Reads the settings from environment variables; throws one SettingsError that lists every fault. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.fromEntries(Object.entries(environment).filter(([name, value]) => name in settingsSchema.shape && value !== ''));
  const read = settingsSchema.safeParse(given);
  const issues = read.success ? [] : read.error.issues.map(({ path, message }) => ({ name: String(path[0]), message }));
  const faulty = new Set(issues.map(({ name }) => name));
  // Without the faulty ones, so that their defaults stand in: what else is wrong between the others is told at once too.
  const settings = settingsSchema.parse(Object.fromEntries(Object.entries(given).filter(([name]) => !faulty.has(name))));
  const faults = [
    ...issues.map(({ name, message }) => `${name}: ${message}, got "${shown(name, environment)}"`),
    ...faultsBetween(settings).filter((fault) => !faulty.has(fault.slice(0, fault.indexOf(':')))),
  ];
  if (faults.length > 0) throw new SettingsError(faults);
  return settings;
}

/** Faults that only several settings together show. */
function faultsBetween(settings: Settings): string[] {
  const faults: string[] = [];
  const usesSasl = settings.KAFKA_SECURITY_PROTOCOL.startsWith('SASL');
  const hasUser = settings.KAFKA_SASL_USERNAME ?? settings.KAFKA_PLAIN_USERNAME;
  if (settings.KAFKA_BOOTSTRAP_SERVERS && usesSasl && !hasUser) {
    faults.push('KAFKA_SASL_USERNAME: needed by KAFKA_SECURITY_PROTOCOL, is not set');
  }
  if (usesSasl && settings.KAFKA_SASL_MECHANISM === 'OAUTHBEARER' && !settings.KAFKA_SASL_TOKEN_ENDPOINT) {
    faults.push('KAFKA_SASL_TOKEN_ENDPOINT: needed by KAFKA_SASL_MECHANISM=OAUTHBEARER, is not set');
  }
  if (!settings.KAFKA_SSL_CERTFILE !== !settings.KAFKA_SSL_KEYFILE) {
    faults.push('KAFKA_SSL_CERTFILE, KAFKA_SSL_KEYFILE: one is set without the other');
  }
  if (settings.QUEUE_URL?.startsWith('postgres')) {
    faults.push('QUEUE_URL: expected redis://host:port; leave it unset for a queue on PostgreSQL');
  }
  return faults;
}

/** A faulty value as it may be printed: secrets and addresses with passwords stay out of logs. */
function shown(name: string, environment: Readonly<Record<string, string | undefined>>): string {
  return /PASSWORD|SECRET|_URL$|ENDPOINT/.test(name) ? '…' : (environment[name] ?? '');
}
