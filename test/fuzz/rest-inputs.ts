import { gzipSync } from 'node:zlib';
import fc from 'fast-check';

/** One HTTP request. Header values are latin1. */
export interface RestInput {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

const strange = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    '\ud800',
    '💥',
    '../..',
    '%00',
    'null',
    'NaN',
    '1e999',
    '-0',
    "'; DROP TABLE bulk_job; --",
    '{}',
    '__proto__',
    'constructor',
  ),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.integer({ min: 1, max: 200_000 }).map((length) => 'x'.repeat(length)),
);
const anything = fc.oneof(fc.jsonValue({ maxDepth: 4 }), strange, fc.constantFrom(0, -1, 1e308, 2 ** 53, true, false, null));
const pattern = fc.oneof(
  fc.constantFrom(
    '.*',
    'a|b',
    '(',
    '[z-a]',
    '(?P<n>a)',
    '(?<=a)b',
    '\\p{Greek}',
    '\\Q',
    'a{1001}',
    '(a{99}){99}',
    '((a+)+)+$',
    '(?i)(?s)',
    '^^^',
    '[[:alpha:]]',
  ),
  fc.string({ unit: fc.constantFrom('(', ')', '[', ']', '{', '}', '*', '+', '?', '|', '\\', 'a', '1', ',', '^', '$', '.'), maxLength: 60 }),
  fc.integer({ min: 1, max: 5_000 }).map((times) => '(a|b)*'.repeat(times)),
);
const lists = fc.oneof(
  fc.array(pattern, { maxLength: 20 }),
  anything,
  fc.integer({ min: 1, max: 6_000 }).map((length) => Array(length).fill('namespace-of-a-team')),
);
const filter = fc.record(
  {
    namespace: lists,
    namespaces: lists,
    workload: lists,
    containers: lists,
    labels: fc.oneof(fc.dictionary(strange, anything, { maxKeys: 5 }), anything),
  },
  { requiredKeys: [] },
);
const time = fc.oneof(
  fc.constantFrom(
    '2026-11-06T03:30:00.000Z',
    '2026-11-21T03:30:00Z',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '2026-02-30T00:00:00Z',
    '+275760-09-13T00:00:00Z',
  ),
  anything,
);
const duration = fc.oneof(fc.constantFrom('15min', '1h', '2min', '1min', '1d', '365d', '0', '-5min', '1h30m', '999999999999min'), anything);
const term = fc.oneof(
  fc.constantFrom('short', 'medium', 'long', 'short_term'),
  fc.record(
    {
      name: strange,
      duration_in_days: fc.oneof(fc.double(), fc.integer(), anything),
      duration_threshold_in_hours: anything,
      plots_datapoints: anything,
    },
    { requiredKeys: [] },
  ),
  anything,
);

/** Bodies with the members of a bulk request, valid or not. */
const request = fc.record(
  {
    filter: fc.oneof(
      fc.record({ include: fc.oneof(filter, anything), exclude: fc.oneof(filter, anything) }, { requiredKeys: [] }),
      anything,
    ),
    time_range: fc.oneof(fc.record({ start: time, end: time }, { requiredKeys: [] }), anything),
    datasource: fc.oneof(fc.constant('prometheus-1'), anything),
    datasources: fc.oneof(fc.array(fc.oneof(fc.constant('prometheus-1'), strange), { maxLength: 50 }), anything),
    cluster_name: anything,
    metadata_profile: fc.oneof(fc.constant('cluster-metadata-local-monitoring'), anything),
    measurement_duration: duration,
    experiment_types: fc.oneof(fc.array(fc.constantFrom('container', 'namespace'), { maxLength: 3 }), anything),
    model_settings: fc.oneof(
      fc.record(
        {
          models: fc.array(fc.oneof(fc.constantFrom('cost', 'performance'), strange), { maxLength: 5 }),
          model_tunables: fc.dictionary(strange, anything, { maxKeys: 3 }),
        },
        { requiredKeys: [] },
      ),
      anything,
    ),
    term_settings: fc.oneof(fc.record({ terms: fc.array(term, { maxLength: 8 }) }, { requiredKeys: [] }), anything),
    recommendation_types_config: anything,
    recommendation_settings: anything,
    threshold: fc.oneof(fc.double(), anything),
    webhook: fc.oneof(
      fc.record(
        {
          url: fc.oneof(
            fc.webUrl(),
            fc.constantFrom('http://127.0.0.1:9/', 'http://[::1]/', 'file:///etc/passwd', 'http://169.254.169.254/'),
            strange,
          ),
        },
        { requiredKeys: [] },
      ),
      anything,
    ),
    requestId: anything,
    refresh: anything,
    deadline: duration,
    measurements: anything,
    unknown: anything,
  },
  { requiredKeys: [] },
);

const text = fc.oneof(
  { weight: 6, arbitrary: request.map((body) => JSON.stringify(body)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: request.chain((body) => fc.nat().map((at) => JSON.stringify(body).slice(0, at % 500))) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('[', '{"a":', '[[', '{"filter":{"include":'), fc.integer({ min: 1, max: 200_000 }))
      .map(([part, times]) => part.repeat(times)),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 500_000 }).map((times) => `{"datasources":[${'"x",'.repeat(times)}"x"]}`) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 12_000_000 }).map((length) => `{"cluster_name":"${'x'.repeat(length)}"}`) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 50_000 }).map((times) => `{${Array.from({ length: times }, (_, i) => `"k${i}":1`).join(',')}}`),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 1_000 }) },
);

const body = fc.oneof(
  { weight: 8, arbitrary: text.map((each) => ({ bytes: Buffer.from(each), headers: {} })) },
  { weight: 1, arbitrary: text.map((each) => ({ bytes: gzipSync(each), headers: { 'content-encoding': 'gzip' } })) },
  { weight: 1, arbitrary: text.map((each) => ({ bytes: Buffer.from(each), headers: { 'content-encoding': 'gzip' } })) },
  {
    weight: 1,
    arbitrary: text.map((each) => ({
      bytes: Buffer.from(each, 'utf16le'),
      headers: { 'content-type': 'application/json; charset=utf-16' },
    })),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 5_000 }).map((each) => ({ bytes: Buffer.from(each), headers: {} })) },
  // A decompression bomb: a few kB that become tens of MB.
  { weight: 1, arbitrary: fc.constant({ bytes: gzipSync(Buffer.alloc(50_000_000, 0x20)), headers: { 'content-encoding': 'gzip' } }) },
);

const headerValue = fc.string({ unit: fc.constantFrom(...'abc019 /;=,*"()<>\u00e9'), maxLength: 300 });
const headers = fc.dictionary(
  fc.constantFrom(
    'content-type',
    'accept',
    'accept-encoding',
    'idempotency-key',
    'origin',
    'sec-fetch-site',
    'x-forwarded-for',
    'if-none-match',
    'range',
    'content-encoding',
    'cookie',
    'expect-ct',
  ),
  fc.oneof(
    headerValue,
    fc.constantFrom(
      'application/json',
      'text/plain;charset=nonsense',
      'null',
      'https://evil.example',
      'cross-site',
      'same-origin',
      'br',
      'deflate',
      'x'.repeat(4_000),
    ),
  ),
  { maxKeys: 4 },
);

/** A query string, mostly well formed. */
const query = fc.oneof(
  fc
    .dictionary(
      fc.constantFrom(
        'job_id',
        'include',
        'exclude',
        'verbose',
        'limit',
        'cursor',
        'experiment_name',
        'status',
        'name',
        'include[a]',
        '__proto__',
        'include[]',
      ),
      fc.oneof(
        strange.map((value) => value.slice(0, 3_000)),
        fc.constantFrom(
          'summary,experiments,metadata',
          ',',
          'experiments|status|apis',
          'true',
          '10',
          '0',
          '99999999999',
          'FAILED',
          '00000000-0000-4000-8000-000000000000',
        ),
        fc.string({ maxLength: 50 }).map((name) => Buffer.from(name).toString('base64url')),
      ),
      { maxKeys: 6 },
    )
    .map((given) =>
      Object.entries(given)
        .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value.toWellFormed())}`)
        .join('&'),
    ),
  fc.string({ unit: fc.constantFrom(...'ab=&%[]?#+;0/'), maxLength: 200 }).map((part) => part.replaceAll('#', '')),
  fc.integer({ min: 1, max: 2_000 }).map((times) => 'include=summary&'.repeat(times).slice(0, 14_000)),
);

const path = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('/bulk', '/bulk/jobs', '/datasources', '/health', '/health/ready', '/metrics') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('/', '//bulk', '/bulk/', '/BULK', '/bulk/%00', '/bulk/..%2f..', '/%', '/bulk/jobs/x', '/favicon.ico'),
  },
);

/** Any HTTP request. */
export const restInput: fc.Arbitrary<RestInput> = fc
  .oneof(
    { weight: 6, arbitrary: fc.record({ method: fc.constant('POST'), path: fc.constant('/bulk'), headers, body }) },
    {
      weight: 3,
      arbitrary: fc.record({
        method: fc.constantFrom('GET', 'HEAD', 'DELETE', 'OPTIONS'),
        path: fc.tuple(path, query).map((parts) => parts.join('?')),
        headers,
      }),
    },
    { weight: 1, arbitrary: fc.record({ method: fc.constantFrom('PUT', 'PATCH', 'TRACE', 'POST', 'DELETE'), path, headers, body }) },
  )
  .map((input) => ({
    ...input,
    headers: { ...input.headers, ...('body' in input ? input.body.headers : {}) },
    body: 'body' in input ? input.body.bytes : undefined,
  }));
