import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { readDuration } from './duration.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type AddressRange = ReturnType<typeof ipaddr.parseCIDR>;

/** Normalizes a host: lower case, without the brackets of an IPv6 address and without a trailing dot. */
export function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

/** Whether a string is an IP address: four decimal numbers, or IPv6 without brackets. */
export function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
}

/** Whether a string is an IP address or a CIDR range. */
export function isAddressRange(text: string): boolean {
  return isAddress(text.replace(/\/\d+$/, '')) && (ipaddr.isValidCIDR(text) || isAddress(text));
}

/** Reads a CIDR range; a single address is a range of one. */
export function readAddressRange(text: string): AddressRange {
  if (text.includes('/')) return ipaddr.parseCIDR(text);
  const address = ipaddr.process(text);
  return [address, address.toByteArray().length * 8] as AddressRange;
}

/** Whether one of the ranges contains the address. IPv4 and IPv6 never match each other. */
export function isInRanges(address: Address, ranges: readonly AddressRange[]): boolean {
  return ranges.some(
    (range) => range[0].kind() === address.kind() && address.match(range as [ipaddr.IPv4, number] & [ipaddr.IPv6, number]),
  );
}

// Types of environment variables. Host names are checked for syntax but not resolved: the host may come up later.

const label = '[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?';
const hostName = new RegExp(`^${label}(\\.${label})*\\.?$`, 'i');
/** Digits and dots that are not an IPv4 address are not a host name either. */
const isHost = (text: string) => (hostName.test(text) && !/^[\d.]+$/.test(text)) || isAddress(plainHost(text));
/** Characters that RFC 3986 allows; a percent sign only before two hex digits. */
const uriText = /^([\w\-.~:/?#[\]@!$&'()*+,;=]|%[0-9a-f]{2})+$/i;

export const flag = z
  .enum(['true', 'false', '1', '0'], { error: 'expected true or false' })
  .transform((text) => text === 'true' || text === '1');

/** Any case, as in Kruize. Unlike Kruize, which reads every other value as false, this rejects it. */
export const kruizeFlag = z
  .string()
  .regex(/^(true|false)$/i, { error: 'expected true or false' })
  .transform((text) => text.toLowerCase() === 'true');

export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: `expected one of ${words.join(', ')}` });
}

export function integer(min: number, max: number) {
  const error = `expected a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^-?\d{1,15}$/, { error })
    .transform(Number)
    .refine((number) => number >= min && number <= max, { error })
    .meta({ minimum: min, maximum: max });
}

export const text = z.string().min(1);

/** A comma-separated list of at least one item. The error names the items that fail the check. */
export function list(expected: string, isItem: (item: string) => boolean = () => true) {
  return z
    .string()
    .transform((value) => value.split(',').flatMap((item) => item.trim() || []))
    .superRefine((items, context) => {
      const invalid = items.filter((item) => !isItem(item));
      if (invalid.length === 0 && items.length > 0) return;
      const message = `expected ${expected}${items.length > 1 ? `, which ${invalid.join(', ')} is not` : ''}`;
      context.addIssue({ code: 'custom', message });
    });
}

/** A duration, transformed to seconds. A number without a unit is in seconds. */
export const duration = z
  .string()
  .regex(/^\d{1,7}(s|min|h|d)?$/, { error: 'expected a duration like 30min or 1h' })
  .transform((value) => readDuration(/\d$/.test(value) ? `${value}s` : value)!);

/** Whether a check does not throw. */
export function isValid(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

/** A URL with one of these schemes and a host. A PostgreSQL URL may have a socket folder in `?host=` instead. */
function url(schemes: readonly string[], expected: string) {
  const isExpected = (value: string) => {
    if (!URL.canParse(value)) return false;
    const { protocol, hostname, port, searchParams } = new URL(value);
    const hasHost = isHost(hostname) || (hostname === '' && searchParams.has('host'));
    return schemes.includes(protocol.slice(0, -1)) && hasHost && port !== '0';
  };
  return z
    .string()
    .refine(isExpected, { error: `expected ${expected}` })
    .refine((value) => !isExpected(value) || isValid(() => decodeURIComponent(`${new URL(value).username}:${new URL(value).password}`)), {
      error: 'its user and password must be percent-encoded; write %25 for a percent sign',
    });
}

export const httpUrl = url(['http', 'https'], 'http://host:port or https://host');
/** The service's own URL as callers see it; paths are appended to it. */
export const publicUrl = z.string().refine(
  (value) => {
    if (!httpUrl.safeParse(value).success || /[?#]/.test(value)) return false;
    const { username, password } = new URL(value);
    return username === '' && password === '';
  },
  { error: 'expected http://host:port or https://host, optionally with a path, but without user, ? or #' },
);

const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

export const postgresUrl = url(['postgres', 'postgresql'], 'postgres://host:port/database').refine(
  (value) => !URL.canParse(value) || sslModes.includes(new URL(value).searchParams.get('sslmode') ?? 'prefer'),
  { error: `sslmode: expected one of ${sslModes.join(', ')}` },
);

/** The path may be the number of a database. */
export const redisUrl = url(['redis', 'rediss'], 'redis://host:port; leave it unset for a queue on PostgreSQL').refine(
  (value) => !/^rediss?:/.test(value) || !URL.canParse(value) || /^\/?\d*$/.test(new URL(value).pathname),
  { error: 'expected redis://host:port or redis://host:port/number' },
);

export const host = z.string().refine(isHost, { error: 'expected a host name or an IP address' }).transform(plainHost);

export const brokers = list('host:port, comma-separated, an IPv6 address in brackets', (item) => {
  const [, name, port] = /^(.*):(\d{1,5})$/.exec(item) ?? [];
  const isName =
    name !== undefined && (name.startsWith('[') ? ipaddr.IPv6.isValid(name.slice(1, -1)) : isHost(name) && !name.includes(':'));
  return isName && Number(port) >= 1 && Number(port) <= 65_535;
});

/** Path prefix of all endpoints; `/` means none. */
export const basePath = z
  .string()
  .regex(/^(\/[\w.~-]+)*\/?$/, { error: 'expected a path like /rightsizer' })
  .transform((path) => path.replace(/\/$/, ''));

/** Origins of web pages (scheme, host, port) as browsers send them. */
export const origins = list(
  'origins like https://ui.example, without a path',
  (item) => URL.canParse(item) && new URL(item).origin === item && isHost(new URL(item).hostname),
);

export const hosts = list('host names or IP addresses, without a port', isHost).transform((items) => items.map(plainHost));

/** Host names, `*.` plus a domain for all its subdomains, addresses and CIDR ranges. */
export const hostsAndRanges = list(
  'host names, IP addresses or CIDR ranges, such as *.corp.example or 10.1.0.0/16',
  (item) => isHost(item.replace(/^\*\./, '')) || isAddressRange(item),
).transform((items) => items.map(plainHost));

const isTopic = (item: string) => /^[\w.-]{1,249}$/.test(item) && item !== '.' && item !== '..';
const topicRule = 'letters, digits, dots, hyphens and underscores, at most 249 characters';

/** Topic names that Kafka accepts (org.apache.kafka.common.internals.Topic). */
export const topic = z.string().refine(isTopic, { error: `expected a name of ${topicRule}` });
export const topics = list(`names of ${topicRule}`, isTopic);

/** A consumer group. Kafka accepts any text; control characters are a mistake. */
export const groupId = z.string().regex(/^[^\p{Cc}]{1,255}$/u, { error: 'expected a name of at most 255 characters' });

/** `earliest`, `latest`, or Unix milliseconds. */
export const initialOffset = z
  .string()
  .regex(/^(earliest|latest|\d{13})$/, { error: 'expected earliest, latest, or a time in Unix milliseconds (13 digits)' })
  .transform((text) => (text === 'earliest' || text === 'latest' ? text : Number(text)));

/** A CloudEvents source is a URI reference (RFC 3986 section 4.1). */
export const uriReference = z.string().refine(
  (value) => {
    const isRelative = !/^[a-z][a-z0-9+.-]*:/i.test(value);
    const hasColonFirst = isRelative && /^[^/?#]*:/.test(value);
    return uriText.test(value) && !/#.*#/.test(value) && !hasColonFirst && URL.canParse(value, 'http://base');
  },
  { error: 'expected a URI reference, such as /bulk or https://host/path' },
);

const placeholders = ['datasource', 'clustername', 'namespace', 'workloadname', 'workloadtype', 'containername'];

/** Text between percent signs, also with spaces inside. */
const placeholder = /%([^%\s|()](?:[^%|()]*[^%\s|()])?)%/g;

/** Format of experiment names, with Kruize's placeholders between percent signs (Kruize: design/KruizeConfiguration.md). */
export const nameFormat = text.superRefine((format, context) => {
  const used = [...format.matchAll(placeholder)].map(([, name]) => name!);
  const unknown = used.filter((name) => !placeholders.includes(name) && !/^label:[a-zA-Z0-9_]+$/.test(name));
  const [unclosed] = /%[a-z]\w*/i.exec(format.replaceAll(placeholder, '')) ?? [];
  if (unknown.length === 0 && !unclosed) return;
  const known = [...placeholders, 'label:KEY'].map((name) => `%${name}%`).join(', ');
  const faults = [
    ...(unknown.length > 0 ? [`unknown placeholder ${unknown.map((name) => `%${name}%`).join(', ')}`] : []),
    ...(unclosed ? [`${unclosed} has no closing %`] : []),
  ];
  context.addIssue({ code: 'custom', message: `${faults.join('; ')}; the placeholders are ${known}` });
});

/** Fields that a filter can select in each section (Kruize: design/BulkAPI.md). */
export const fieldsOfSections: Readonly<Record<'summary' | 'experiments' | 'webhook' | 'metadata', readonly string[]>> = {
  summary: [
    ...['status', 'total_experiments', 'processed_experiments', 'failed_experiments', 'existing_experiments', 'published_experiments'],
    ...['notifications', 'input', 'job_id', 'job_start_time', 'job_end_time', 'started_by'],
  ],
  experiments: ['name', 'status', 'apis', 'create', 'request', 'response', 'recommendations', 'notifications', 'status_history'],
  webhook: [],
  metadata: [],
};

/** A filter in the syntax of GET /bulk's include and exclude: sections, optionally with fields after `|` (Kruize: design/BulkAPI.md). */
export const responseFilter = list(
  'sections summary, experiments, webhook or metadata, with fields like experiments|status|apis',
  (item) => {
    const [section = '', ...fields] = item.split('|');
    const known = Object.hasOwn(fieldsOfSections, section) ? fieldsOfSections[section as keyof typeof fieldsOfSections] : undefined;
    return known !== undefined && fields.every((field) => known.includes(field));
  },
).pipe(z.array(z.string()).transform((items) => items.join(',')));
