import { readFileSync } from 'node:fs';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { type NamedFile, whyUnreadable } from '../settings/files.js';
import { httpUrl, isValid } from '../settings/setting-types.js';
import type { Settings } from '../settings/settings-schema.js';
import { type Authentication, type Datasource, usageReaders } from './datasource.js';

/** Some configured datasources are invalid; the message lists all errors. */
export class DatasourceConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(`Invalid datasources:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'DatasourceConfigError';
  }
}

/** Parsed content of a file, and the name of its setting. */
interface ConfigFile {
  readonly name: string;
  readonly content: unknown;
}

/** Values of PROMETHEUS_URL and DATASOURCES_FILE, and of Kruize's configuration file, whose datasources are overridden by others of the same name. */
export interface ConfiguredDatasources {
  readonly prometheusUrl?: string;
  readonly file?: ConfigFile;
  readonly kruizeFile?: ConfigFile;
}

/** Kruize writes "" for an unset value. */
const text = z.string().trim();
const optional = text
  .transform((value) => (value === '' ? undefined : value))
  .nullish()
  .transform((value) => value ?? undefined);
const required = text.min(1, { error: 'must not be empty' });

/** A DNS label (RFC 1123), as Kubernetes requires for services and namespaces. */
function serviceName(error: string) {
  return optional.refine((name) => name === undefined || /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i.test(name), { error });
}

/** An entry in Kruize's format (Kruize: design/KruizeDatasource.md). Unknown members are errors: a misspelled `authentication` must not mean none. */
const entrySchema = z.strictObject({
  name: required,
  provider: text.toLowerCase().pipe(z.enum(['prometheus', 'thanos'])),
  url: optional,
  serviceName: serviceName('expected the name of a Kubernetes service'),
  namespace: serviceName('expected the name of a Kubernetes namespace'),
  authentication: z.strictObject({ type: text.toLowerCase(), credentials: z.record(z.string(), z.unknown()).nullish() }).nullish(),
  usage_reader: text.toLowerCase().pipe(z.enum(usageReaders)).nullish(),
  tls: z.strictObject({ insecureSkipVerify: z.boolean().default(false), caFile: optional }).nullish(),
});
type Entry = z.output<typeof entrySchema>;

/** A valid value of an HTTP header. */
const headerValue = required.refine((value) => isValid(() => validateHeaderValue('authorization', value)), {
  error: 'has characters that an HTTP header cannot carry',
});
const headerName = optional.refine((name) => name === undefined || isValid(() => validateHeaderName(name)), {
  error: 'expected the name of an HTTP header',
});

const apiKey = z
  .strictObject({ apiKey: headerValue, header: headerName, headerName })
  .transform(
    ({ apiKey, header, headerName }): Authentication => ({ type: 'api_key', apiKey, header: header ?? headerName ?? 'X-API-Key' }),
  );

/** Credentials per authentication type. Accepts the spellings of Kruize's code and of its guide (Kruize: design/KruizeDatasource.md), which differ. */
const credentialsSchemas: Readonly<Record<string, z.ZodType<Authentication>>> = {
  none: z.strictObject({}).transform((): Authentication => ({ type: 'none' })),
  basic: z
    .strictObject({ username: required, password: z.string() })
    .transform((configured): Authentication => ({ type: 'basic', ...configured })),
  bearer: z
    .strictObject({
      token: optional.pipe(headerValue.optional()),
      tokenFilePath: optional,
      tokenPath: optional,
    })
    .refine(({ token, tokenFilePath, tokenPath }) => token ?? tokenFilePath ?? tokenPath, { error: 'requires token or tokenFilePath' })
    .transform(
      ({ token, tokenFilePath, tokenPath }): Authentication => ({ type: 'bearer', token, tokenFilePath: tokenFilePath ?? tokenPath }),
    ),
  api_key: apiKey,
  apikey: apiKey,
  oauth2: z
    .strictObject({
      tokenEndpoint: httpUrl,
      clientId: required,
      clientSecret: required,
      scope: optional,
      grantType: z.literal('client_credentials').optional(),
    })
    .transform(({ grantType: _, ...configured }): Authentication => ({ type: 'oauth2', ...configured })),
  mtls: z
    .strictObject({ clientCertPath: required, clientKeyPath: required, caCertPath: optional, keyPassword: z.string().optional() })
    .transform((configured): Authentication => ({ type: 'mtls', ...configured })),
};

/** The configured datasources and the errors of the configuration. */
export interface InspectedDatasources {
  /** Datasources without errors. */
  readonly datasources: Datasource[];
  readonly faults: readonly string[];
  /** Files that requests read, also those of invalid entries if known. `place` names the member. */
  readonly files: readonly NamedFile[];
}

/** Reads the configured datasources. Each error begins with the name of its setting; errors never contain credentials. */
export function inspectDatasources({ prometheusUrl, file, kruizeFile }: ConfiguredDatasources): InspectedDatasources {
  const faults: string[] = [];
  const files: NamedFile[] = [];
  const configured = prometheusUrl
    ? [{ place: 'PROMETHEUS_URL', value: { name: 'prometheus-1', provider: 'prometheus', url: prometheusUrl } }]
    : [];
  const read = (entries: ReturnType<typeof entriesOf>) =>
    entries.flatMap(({ place, value }) => readEntry(place, value, faults, files) ?? []);
  const datasources = read([...configured, ...(file ? entriesOf(file, faults) : [])]);
  const kruizeEntries = kruizeFile && (kruizeFile.content as { datasource?: unknown } | null)?.datasource;
  const fromKruize = kruizeEntries === undefined ? [] : read(entriesOf({ name: kruizeFile!.name, content: kruizeEntries }, faults));
  for (const [list, setting] of [
    [datasources, file?.name],
    [fromKruize, kruizeFile?.name],
  ] as const) {
    const names = list.map(({ name }) => name);
    const repeated = new Set(names.filter((name, index) => names.indexOf(name) !== index));
    for (const name of repeated) faults.push(`${setting}: datasource "${name}" is configured more than once`);
  }
  return {
    datasources: [...datasources, ...fromKruize.filter(({ name }) => !datasources.some((datasource) => datasource.name === name))],
    faults,
    files,
  };
}

/** Returns the files that requests with these credentials read. */
function filesOf(where: string, { tls }: Partial<Entry>, authentication: Authentication | undefined): NamedFile[] {
  const files: (Omit<NamedFile, 'path'> & { path?: string })[] = [{ place: 'tls.caFile', path: tls?.caFile, kind: 'certificate' }];
  if (authentication?.type === 'bearer' && !authentication.token) {
    files.push({ place: 'tokenFilePath', path: authentication.tokenFilePath, kind: 'token' });
  }
  if (authentication?.type === 'mtls') {
    const { caCertPath, clientCertPath, clientKeyPath, keyPassword } = authentication;
    files.push(
      { place: 'caCertPath', path: caCertPath, kind: 'certificate' },
      { place: 'clientCertPath', path: clientCertPath, kind: 'certificate' },
      { place: 'clientKeyPath', path: clientKeyPath, kind: 'key', keyPassword, certificatePath: clientCertPath },
    );
  }
  return files.flatMap(({ path, ...file }) => (path ? [{ ...file, path, place: `${where}: ${file.place}` }] : []));
}

/** Adds a fault of an entry. */
type Reject = (fault: string) => undefined;

function entriesOf({ name, content }: ConfigFile, faults: string[]): { place: string; value: unknown }[] {
  const members = typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : {};
  const list = Array.isArray(content) ? content : (members.datasource ?? members.datasources);
  if (Array.isArray(list)) return list.map((value, index) => ({ place: `${name}: entry ${index + 1}`, value }));
  faults.push(`${name}: expected a list of datasources, or an object with the list under "datasource" or "datasources"`);
  return [];
}

/** Reads one entry. Checks the valid members further even if others are invalid. */
function readEntry(place: string, value: unknown, faults: string[], files: NamedFile[]): Datasource | undefined {
  const named = (value as { name?: unknown } | null)?.name;
  const where = typeof named === 'string' && named !== '' ? `${place} (${named})` : place;
  const before = faults.length;
  const reject: Reject = (fault) => {
    faults.push(`${where}: ${fault}`);
  };
  const read = entrySchema.safeParse(value);
  if (!read.success) rejectIssues(read.error, reject);
  if (typeof value !== 'object' || value === null) return undefined;
  const invalid = new Set(read.error?.issues.map(({ path }) => path[0]));
  const valid = Object.entries(value).filter(([name]) => Object.hasOwn(entrySchema.shape, name) && !invalid.has(name));
  const entry: Partial<Entry> = entrySchema.partial().parse(Object.fromEntries(valid));
  const isAddressInvalid = ['url', 'serviceName', 'namespace'].some((name) => invalid.has(name));
  const address = isAddressInvalid ? undefined : readAddress(entry, reject);
  const authentication = invalid.has('authentication') ? undefined : readAuthentication(entry, reject);
  files.push(...filesOf(where, entry, authentication));
  if (address?.login && authentication && authentication.type !== 'none') {
    reject('the url has a password, and authentication is configured too; remove one of them');
  }
  if (!read.success || !address || !authentication || faults.length > before) return undefined;
  const { name, provider, serviceName, namespace, tls, usage_reader } = read.data;
  return {
    name,
    provider,
    url: address.url,
    ...(serviceName && { serviceName, namespace }),
    authentication: address.login ?? authentication,
    insecureSkipVerify: tls?.insecureSkipVerify ?? false,
    ...(tls?.caFile && { caFile: tls.caFile }),
    ...(usage_reader && { usageReader: usage_reader }),
  };
}

/** Returns the entry's URL. A password in it becomes basic authentication, so that it does not appear where the URL is shown. */
function readAddress(entry: Partial<Entry>, reject: Reject): { url: string; login?: Authentication } | undefined {
  if (entry.url && entry.serviceName) return reject('has both url and serviceName; remove one of them');
  if (!entry.url && !entry.serviceName) return reject('requires url or serviceName');
  if (!entry.url && !entry.namespace) return reject('serviceName requires namespace');
  const url = entry.url ?? serviceUrl(entry.serviceName ?? '', entry.namespace ?? '');
  const [fault] = httpUrl.safeParse(url).error?.issues ?? [];
  if (fault) return reject(`url: ${fault.message}`);
  const { origin, pathname, search, hash, username, password } = new URL(url);
  if (search || hash) return reject('url: expected http(s)://host:port/path without ? and #');
  const login = { type: 'basic', username: decodeURIComponent(username), password: decodeURIComponent(password) } as const;
  return { url: `${origin}${pathname}`.replace(/\/+$/, ''), ...((username || password) && { login }) };
}

/** Returns the URL of a service: https and port 9091 for OpenShift's monitoring, else http and port 9090, as Kruize does. */
function serviceUrl(serviceName: string, namespace: string): string {
  const host = `${serviceName}.${namespace}.svc.cluster.local`;
  return namespace.startsWith('openshift-') ? `https://${host}:9091` : `http://${host}:9090`;
}

function readAuthentication({ authentication }: Partial<Entry>, reject: Reject): Authentication | undefined {
  if (!authentication) return { type: 'none' };
  const schema = Object.hasOwn(credentialsSchemas, authentication.type) ? credentialsSchemas[authentication.type] : undefined;
  if (!schema) return reject(`authentication.type: expected one of ${Object.keys(credentialsSchemas).join(', ')}`);
  const read = schema.safeParse(authentication.credentials ?? {});
  return read.success ? read.data : rejectIssues(read.error, (fault) => reject(`authentication.credentials: ${fault}`));
}

function rejectIssues({ issues }: z.ZodError, reject: Reject): undefined {
  for (const issue of issues) {
    const place = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
    const isUnknown = issue.code === 'unrecognized_keys';
    reject(`${place}${isUnknown ? `unknown member ${issue.keys.join(', ')}; remove it or correct its name` : issue.message}`);
  }
}

type Configuration = Pick<Settings, 'PROMETHEUS_URL' | 'DATASOURCES_FILE' | 'KRUIZE_CONFIG_FILE'>;

/** Warning of the log and the readiness probe if no datasource is configured. */
export const noDatasource =
  'No datasource is configured, so every job is rejected. Set PROMETHEUS_URL, DATASOURCES_FILE or KRUIZE_CONFIG_FILE.';

/** The registered datasources. They are read once at start; the constructor throws if the configuration is invalid. */
export class Datasources {
  private readonly byName: ReadonlyMap<string, Datasource>;

  constructor(settings: Configuration) {
    const { datasources, faults } = inspectConfigured(settings);
    if (faults.length > 0) throw new DatasourceConfigError(faults);
    this.byName = new Map(datasources.map((datasource) => [datasource.name, datasource]));
  }

  find(name: string): Datasource | undefined {
    return this.byName.get(name);
  }

  /** In the order of the configuration. */
  all(): Datasource[] {
    return [...this.byName.values()];
  }
}

/** Reads all configured datasources and lists all errors. An error in one setting does not hide those in another. */
export function inspectConfigured(settings: Configuration): InspectedDatasources {
  const unreadable: string[] = [];
  const fileOf = (name: 'DATASOURCES_FILE' | 'KRUIZE_CONFIG_FILE') => {
    const path = settings[name];
    if (!path) return undefined;
    try {
      return { name, content: readYaml(readFileSync(path, 'utf8')) };
    } catch (error) {
      unreadable.push(`${name}: cannot read ${path}: ${whyUnreadable(error)}`);
      return undefined;
    }
  };
  const configured = { prometheusUrl: settings.PROMETHEUS_URL, file: fileOf('DATASOURCES_FILE'), kruizeFile: fileOf('KRUIZE_CONFIG_FILE') };
  const { faults, ...read } = inspectDatasources(configured);
  return { ...read, faults: [...unreadable, ...faults] };
}

/** Reads YAML or JSON. Throws an Error with the position, but without content, which may contain credentials. */
function readYaml(text: string): unknown {
  const document = parseDocument(text, { merge: true });
  const [problem] = [...document.errors, ...document.warnings];
  const place = problem?.linePos ? ` (line ${problem.linePos[0].line}, column ${problem.linePos[0].col})` : '';
  try {
    if (!problem) return document.toJS();
  } catch {
    // An alias without an anchor. The parser's message would show its name.
  }
  throw new Error(`it is not a valid YAML document${place}. Correct it; values that begin with *, &, ! or | need quotes`);
}
