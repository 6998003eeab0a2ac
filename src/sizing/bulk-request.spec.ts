import { isStorable } from '../database/database-error.js';
import { webhookUrlFault } from '../publication/webhook-target.js';
import {
  type BulkRequest,
  describeFaults,
  maxTextLength,
  type RequestContext,
  readBulkRequest,
  resolveRequest,
  textFaults,
  usageEnd,
} from './bulk-request.js';

describe('textFaults', () => {
  it.each([undefined, null, 1, true, 'text', {}, [], { a: ['ü😀\n\u0001', { '"': null }] }])('finds nothing in %j', (value) => {
    expect(textFaults(value)).toEqual([]);
  });

  it.each([
    ['\0', ['']],
    [{ a: '\0' }, ['a']],
    [{ a: [1, { b: '\ud800' }] }, ['a.1.b']],
    [{ a: { 'x\0': '\0' } }, ['a.x\0']],
    [{ a: '\0', b: '\udc00' }, ['a', 'b']],
    [JSON.parse('{"filter":{"include":{"labels":{"__proto__":"x"}}}}'), ['filter.include.labels.__proto__']],
  ])('names the fields in %j', (value, paths) => expect(textFaults(value).map(({ field }) => field)).toEqual(paths));

  it('finds texts and names that are too long', () => {
    const [just, long] = ['x'.repeat(maxTextLength), 'y'.repeat(maxTextLength + 1)];
    expect(textFaults({ a: [just, long], [just]: 1, [long]: 1 })).toEqual([
      { field: 'a.1', message: 'Text may have at most 4096 characters; this one has 4097' },
      { field: long, message: 'Text may have at most 4096 characters; this one has 4097' },
    ]);
  });
});

describe('isStorable', () => {
  it.each([
    ['', true],
    ['😀', true],
    ['a\0b', false],
    ['\ude00\ud83d', false],
  ])('%j: %s', (text, expected) => expect(isStorable(text)).toBe(expected));
});

const known: RequestContext = { jobId: '4711', isDatasource: () => true, isMetadataProfile: () => true, webhookUrlFault: () => undefined };
const faultsOf = (body: unknown) => readBulkRequest(body, known).faults ?? [];

/** A body with every field. */
const everything = {
  filter: {
    include: { namespace: ['a'], namespaces: ['b'], workload: ['w'], containers: ['c'], labels: { org: 'x' } },
    exclude: { namespace: [], labels: {} },
  },
  time_range: { start: '2026-11-06T03:30:00Z', end: '2026-11-21T03:30:00.000+01:00' },
  datasource: 'prometheus-1',
  datasources: ['thanos'],
  cluster_name: 'prod',
  metadata_profile: 'p',
  measurement_duration: '1h30m',
  experiment_types: ['container', 'namespace'],
  model_settings: { models: ['cost'] },
  term_settings: { terms: ['short', { name: 'week', duration_in_days: 7 }] },
  recommendation_types_config: { resources: ['cpu'] },
  threshold: 0.05,
  webhook: { url: 'https://hooks.example.com/x' },
  requestId: 'once',
  refresh: true,
  deadline: '2h',
};

describe('readBulkRequest', () => {
  it('accepts every field unchanged', () => expect(readBulkRequest(everything, known)).toMatchObject({ request: everything }));

  it.each(Object.keys(everything))('accepts null for %s', (field) => expect(faultsOf({ [field]: null })).toEqual([]));

  it('checks the values of valid fields even if others are faulty', () => {
    const faults = faultsOf({ datasorce: 'x', threshold: 'a', measurement_duration: '7min', term_settings: { terms: ['eternal'] } });
    expect(faults.map(({ field }) => field).sort()).toEqual(['datasorce', 'measurement_duration', 'term_settings.terms.0', 'threshold']);
    expect(faultsOf(null)).toHaveLength(1);
  });

  it('accepts an empty object', () => expect(readBulkRequest({}, known)).toMatchObject({ request: {} }));

  it('converts only label values to text', () => {
    const filter = { include: { labels: { a: 1, b: true, c: 'x' } } };
    const asText = { include: { labels: { a: '1', b: 'true', c: 'x' } } };
    expect(readBulkRequest({ filter }, known)).toMatchObject({ request: { filter: asText }, resolved: { filter: asText } });
  });

  it.each([
    [undefined, 'No content to map due to end-of-input'],
    [null, 'The body must be a JSON object'],
    [[], 'The body must be a JSON object'],
    [[{}], 'The body must be a JSON object'],
    ['text', 'The body must be a JSON object'],
    [1, 'The body must be a JSON object'],
  ])('rejects the body %j', (body, message) => {
    expect(faultsOf(body)).toEqual([{ field: '', message: expect.stringContaining(message) }]);
  });

  it.each([
    [{ experiment_type: [] }, 'experiment_type'],
    [{ filter: { includes: {} } }, 'filter.includes'],
    [{ filter: { include: { pods: [] } } }, 'filter.include.pods'],
    [{ filter: { exclude: { containers_: [] } } }, 'filter.exclude.containers_'],
    [{ time_range: { from: 'x' } }, 'time_range.from'],
    [{ webhook: { URL: 'x' } }, 'webhook.URL'],
    [{ term_settings: { term: [] } }, 'term_settings.term'],
    [{ verbose: true }, 'verbose'],
    [{ empty: true }, 'empty'],
  ])('names the unknown field of %j', (body, field) => {
    expect(faultsOf(body)).toEqual([{ field, message: `Unrecognized field "${field.split('.').at(-1)}"` }]);
  });

  it.each([
    [{ filter: [] }, 'filter'],
    [{ filter: { include: { namespace: 'x' } } }, 'filter.include.namespace'],
    [{ filter: { include: { workload: [1] } } }, 'filter.include.workload.0'],
    [{ filter: { exclude: { labels: { a: ['x'] } } } }, 'filter.exclude.labels.a'],
    [{ filter: { exclude: { labels: { a: null } } } }, 'filter.exclude.labels.a'],
    [{ filter: { exclude: { labels: ['a=b'] } } }, 'filter.exclude.labels'],
    [{ time_range: '15d' }, 'time_range'],
    [{ time_range: { start: 1 } }, 'time_range.start'],
    [{ datasource: 123 }, 'datasource'],
    [{ datasources: 'prometheus-1' }, 'datasources'],
    [{ cluster_name: '' }, 'cluster_name'],
    [{ metadata_profile: {} }, 'metadata_profile'],
    [{ measurement_duration: 15 }, 'measurement_duration'],
    [{ experiment_types: 'container' }, 'experiment_types'],
    [{ experiment_types: ['pod'] }, 'experiment_types.0'],
    [{ term_settings: ['short'] }, 'term_settings'],
    [{ threshold: '0.1' }, 'threshold'],
    [{ threshold: Number.POSITIVE_INFINITY }, 'threshold'],
    [{ webhook: 'https://example.com' }, 'webhook'],
    [{ webhook: { url: 7 } }, 'webhook.url'],
    [{ requestId: '' }, 'requestId'],
    [{ requestId: 'x'.repeat(513) }, 'requestId'],
    [{ refresh: 'true' }, 'refresh'],
    [{ deadline: 60 }, 'deadline'],
  ])('names the field of a wrong type in %j', (body, field) => {
    expect(faultsOf(body)).toEqual([{ field, message: expect.any(String) }]);
  });

  it.each([
    [{ requestId: 'a\u0000b' }, 'requestId'],
    [{ filter: { include: { namespace: ['ok', '\u0000'] } } }, 'filter.include.namespace.1'],
    [{ filter: { include: { labels: { 'a\ud800': 'x' } } } }, 'filter.include.labels.a\ud800'],
    [{ cluster_name: '\udc00' }, 'cluster_name'],
    [{ model_settings: { models: ['\u0000'] } }, 'model_settings.models.0'],
  ])('names text that PostgreSQL cannot store: %j', (body, field) => {
    expect(faultsOf(body)).toEqual([{ field, message: expect.stringContaining('U+0000') }]);
  });

  it.each([
    ['experiment_types', { experiment_types: Array(49_000).fill('x') }],
    ['filter.include.namespace', { filter: { include: { namespace: Array(49_000).fill(null) } } }],
    [
      'filter.include.labels',
      { filter: { include: { labels: Object.fromEntries(Array.from({ length: 9_000 }, (_, index) => [`a${index}`, null])) } } },
    ],
  ])('reports the first faulty members of %s and says that there may be more', (field, body) => {
    const faults = faultsOf(body);
    expect(faults).toHaveLength(20);
    expect(faults.at(-1)).toEqual({ field, message: expect.stringContaining('Only the first 19') });
  });

  it('names every fault', () => {
    const fields = faultsOf({ a: 1, b: 2, datasource: 1, filter: { include: { namespace: [1, 'x', 2], z: 0 } } }).map(({ field }) => field);
    expect(fields.sort()).toEqual(['a', 'b', 'datasource', 'filter.include.namespace.0', 'filter.include.namespace.2', 'filter.include.z']);
  });
});

describe('describeFaults', () => {
  it('appends each field to its message', () => {
    const faults = [
      { field: '', message: 'whole' },
      { field: 'a.b', message: 'part' },
    ];
    expect(describeFaults(faults)).toBe('whole; part (field: a.b)');
  });

  it('returns a short text, whatever was sent', () => {
    const faults = Array.from({ length: 6_000 }, () => ({ field: 'f'.repeat(9_999), message: 'm'.repeat(9_999) }));
    const text = describeFaults(faults);
    expect(text.length).toBeLessThan(15_000);
    expect(text).toMatch(/^m{400}… \(field: f{200}…\); .*; and 5980 more$/);
  });
});

it('describes at most 20 faults and counts the rest', () => {
  const fault = { field: 'a', message: 'x' };
  expect(describeFaults(Array(20).fill(fault))).not.toContain('more');
  expect(describeFaults(Array(21).fill(fault))).toMatch(/; and 1 more$/);
});

const context: RequestContext = {
  jobId: '4711',
  webhookUrlFault,
  isDatasource: (name) => name === 'prometheus-1',
  isMetadataProfile: (name) => name === 'cluster-metadata-local-monitoring',
};
const check = (request: object) => readBulkRequest(request, context).faults ?? [];

describe('readBulkRequest with known names', () => {
  it.each<[BulkRequest]>([
    [{}],
    [{ filter: null, time_range: null, datasource: null, webhook: null, deadline: null }],
    [{ time_range: {} }],
    [{ time_range: { end: '2026-11-21T03:30:00Z' } }],
    [{ time_range: { start: '2026-11-21T03:30:00Z', end: '2026-11-21T03:30:00Z' } }],
    [{ time_range: { start: '2026-11-20T03:30:00.123456Z', end: '2026-11-21T03:30:00.000+05:30' } }],
    [{ time_range: { start: '2024-02-29T00:00:00Z', end: '2026-11-21T03:30Z' } }],
    [{ datasource: 'prometheus-1', datasources: ['prometheus-1'] }],
    [{ metadata_profile: 'cluster-metadata-local-monitoring' }],
    [{ measurement_duration: '1h30m', deadline: '36h' }],
    [{ model_settings: { models: ['Cost'], model_tunables: {} }, term_settings: { terms: ['short_term', 'long'] } }],
    [{ recommendation_types_config: { resources: ['memory'], runtimes: [], accelerators: ['gpu'] } }],
    [{ webhook: {} }],
    [{ webhook: { url: 'https://hooks.example.com/a?b=c' } }],
  ])('finds no faults in %j', (request) => expect(check(request)).toEqual([]));

  const badDate = 'Invalid date format. Must follow ISO 8601 format (YYYY-MM-DDTHH:mm:ss.sssZ) for the jobId: 4711';
  it.each([
    'yesterday',
    '',
    '2026-11-21',
    '2026-11-21T03:30:00',
    '2026-11-21 03:30:00Z',
    '1795231800',
    '2026-13-01T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-11-21T25:00:00Z',
    '2026-11-21T03:61:00Z',
  ])("rejects the time %j at either end with Kruize's text", (text) => {
    const good = '2026-11-21T03:30:00Z';
    expect(check({ time_range: { start: text, end: good } })).toEqual([{ field: 'time_range.start', message: badDate }]);
    expect(check({ time_range: { start: good, end: text } })).toEqual([{ field: 'time_range.end', message: badDate }]);
    expect(check({ time_range: { start: text, end: text } })).toHaveLength(2);
  });

  it.each<[BulkRequest, string, string]>([
    [
      { time_range: { start: '2026-11-21T03:30:00Z' } },
      'time_range.end',
      'Exception occurred while validating the time range for the jobId: 4711',
    ],
    [
      { time_range: { start: '2026-11-21T03:30:01Z', end: '2026-11-21T03:30:00Z' } },
      'time_range.start',
      'Start time should be before end time for the jobId: 4711',
    ],
    [{ datasource: 'thanos' }, 'datasource', 'Datasource %s is not serviceable. for the jobId: 4711'],
    [{ datasource: '' }, 'datasource', 'Datasource %s is not serviceable. for the jobId: 4711'],
    [{ datasources: ['prometheus-1', 'thanos'] }, 'datasources.1', 'Datasource %s is not serviceable. for the jobId: 4711'],
    [{ metadata_profile: 'other' }, 'metadata_profile', 'Metadata profile not found.'],
    [{ measurement_duration: 'often' }, 'measurement_duration', '"often" is not a duration'],
    [{ measurement_duration: '7min' }, 'measurement_duration', 'does not divide a day'],
    [{ deadline: 'soon' }, 'deadline', '"soon" is not a duration'],
    [{ deadline: '0s' }, 'deadline', 'longer than 0'],
    [{ deadline: '9000000000d' }, 'deadline', 'at most 365d'],
    [{ filter: { include: { namespace: ['('] } } }, 'filter.include.namespace.0', 'RE2'],
    [{ filter: { exclude: { containers: ['(?=x)'] } } }, 'filter.exclude.containers.0', 'RE2'],
    [{ filter: { include: { labels: { 'a b': 'x' } } } }, 'filter.include.labels.a b', 'not a label name'],
    [{ term_settings: { terms: ['eternal'] } }, 'term_settings.terms.0', 'unknown term "eternal"'],
    [{ term_settings: { terms: 'short' } }, 'term_settings.terms', 'expected a list'],
    [
      { term_settings: { terms: [{ name: 'w', duration_in_days: 0 }] } },
      'term_settings.terms.0.duration_in_days',
      'a number of days above 0',
    ],
    [{ model_settings: { models: ['thrift'] } }, 'model_settings.models.0', 'Recommendation Tunables cannot be null'],
    [{ model_settings: { modells: [] } }, 'model_settings.modells', ''],
    [{ recommendation_types_config: { resources: ['disk'] } }, 'recommendation_types_config.resources.0', 'expected one of cpu, memory'],
    [{ webhook: { url: 'hooks.example.com' } }, 'webhook.url', 'absolute http or https'],
  ])('rejects %j at %s', (request, field, message) => {
    expect(check(request)).toEqual([{ field, message: expect.stringContaining(message) }]);
  });

  it('accepts a webhook address that must not be called: it fails the webhook, not the job', () => {
    expect(check({ webhook: { url: 'http://127.0.0.1:8080/webhook' } })).toEqual([]);
  });

  it('names every fault', () => {
    const fields = check({ datasource: 'x', deadline: 'x', measurement_duration: 'x', time_range: { start: 'x' }, webhook: { url: 'x' } });
    expect(fields.map(({ field }) => field)).toEqual(['time_range.start', 'datasource', 'measurement_duration', 'deadline', 'webhook.url']);
  });
});

const day = 86_400;
const end = Date.parse('2026-11-21T03:37:11Z') / 1000;

describe('resolveRequest', () => {
  it('applies the defaults', () => {
    expect(resolveRequest({})).toMatchObject({
      datasources: ['prometheus-1'],
      clusterName: 'default',
      metadataProfile: 'cluster-metadata-local-monitoring',
      measurementSeconds: 900,
      experimentTypes: ['container'],
      timeRange: undefined,
      threshold: 0.1,
      deadlineSeconds: undefined,
    });
    expect(resolveRequest({}).terms.map(({ name }) => name)).toEqual(['short_term', 'medium_term', 'long_term']);
    expect(resolveRequest({}).models.map(({ name }) => name)).toEqual(['cost', 'performance']);
  });

  it.each<[BulkRequest, object]>([
    [{ cluster_name: 'prod' }, { clusterName: 'prod' }],
    [{ measurement_duration: '1h30m' }, { measurementSeconds: 5400 }],
    [{ experiment_types: ['namespace'] }, { experimentTypes: ['namespace'] }],
    [{ experiment_types: [] }, { experimentTypes: ['container'] }],
    [{ threshold: 0 }, { threshold: 0 }],
    [{ deadline: '2h' }, { deadlineSeconds: 7200 }],
    [
      { filter: { include: { labels: { org: 'x' } }, exclude: { labels: { org: 'y' } } } },
      { filter: { include: { labels: { org: 'x' } }, exclude: { labels: { org: 'y' } } } },
    ],
  ])('uses %j unchanged', (request, resolved) => expect(resolveRequest(request)).toMatchObject(resolved));

  it.each<[string, BulkRequest['time_range'], object | undefined]>([
    ['no range', {}, undefined],
    ['null at both ends', { start: null, end: null }, undefined],
    ['both ends', { start: '2026-11-20T03:37:11.900Z', end: '2026-11-21T03:37:11.900Z' }, { startSeconds: end - day, endSeconds: end }],
    ['an end in another zone', { end: '2026-11-21T09:07:11+05:30' }, { startSeconds: end - 15 * day, endSeconds: end }],
    ['only an end, back by the longest term', { end: '2026-11-21T03:37:11Z' }, { startSeconds: end - 15 * day, endSeconds: end }],
  ])('reads a time range with %s', (_what, time_range, expected) => {
    expect(resolveRequest({ time_range }).timeRange).toEqual(expected);
  });

  it('starts at the longest requested term before the end if only an end is given', () => {
    const { timeRange } = resolveRequest({ time_range: { end: '2026-11-21T03:37:11Z' }, term_settings: { terms: ['short'] } });
    expect(timeRange).toEqual({ startSeconds: end - day, endSeconds: end });
  });
});

describe('datasources', () => {
  it.each<[BulkRequest, string[]]>([
    [{}, ['prometheus-1']],
    [{ datasource: null, datasources: [] }, ['prometheus-1']],
    [{ datasource: 'a' }, ['a']],
    [{ datasources: ['b', 'a', 'b'] }, ['b', 'a']],
    [{ datasource: 'a', datasources: ['b', 'a'] }, ['a', 'b']],
  ])('of %j are %j', (request, names) => expect(resolveRequest(request).datasources).toEqual(names));
});

describe('usageEnd', () => {
  const now = new Date('2026-11-21T03:37:11.789Z');
  it.each<[string, BulkRequest, boolean, string]>([
    ['rounds now down to the measurement duration', {}, true, '2026-11-21T03:30:00.000Z'],
    ['rounds down to a longer duration', { measurement_duration: '1h30m' }, true, '2026-11-21T03:00:00.000Z'],
    ['keeps the second if alignment is off', {}, false, '2026-11-21T03:37:11.000Z'],
    ['uses a given end unchanged', { time_range: { end: '2026-11-20T01:02:03Z' } }, true, '2026-11-20T01:02:03.000Z'],
  ])('%s', (_what, request, isAligned, expected) => {
    expect(usageEnd(resolveRequest(request), now, isAligned).toISOString()).toBe(expected);
  });
});
