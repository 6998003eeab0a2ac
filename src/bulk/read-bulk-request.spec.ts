import { describeFaults, readBulkRequest } from './read-bulk-request.js';

const faultsOf = (body: unknown) => {
  return readBulkRequest(body).faults;
};

/** A body with every field of the contract. */
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
  it('takes every field of the contract as it is', () => expect(readBulkRequest(everything)).toEqual({ request: everything, faults: [] }));

  it.each(Object.keys(everything))('takes null for %s', (field) => expect(faultsOf({ [field]: null })).toEqual([]));

  it('reads the fields that are right beside faulty ones', () => {
    const read = readBulkRequest({ datasorce: 'x', threshold: 'a', measurement_duration: '7min' });
    expect(read.request).toEqual({ measurement_duration: '7min' });
    expect(read.faults.map(({ field }) => field).sort()).toEqual(['datasorce', 'threshold']);
    expect(readBulkRequest([]).request).toBeDefined();
    expect(readBulkRequest(null).faults).toHaveLength(1);
  });

  it('takes an empty object', () => expect(readBulkRequest({})).toEqual({ request: {}, faults: [] }));

  it('makes text of label values, of nothing else', () => {
    const filter = { include: { labels: { a: 1, b: true, c: 'x' } } };
    expect(readBulkRequest({ filter })).toEqual({
      request: { filter: { include: { labels: { a: '1', b: 'true', c: 'x' } } } },
      faults: [],
    });
  });

  it.each([
    [undefined, 'No content to map due to end-of-input'],
    [null, 'The body must be a JSON object'],
    [[], 'The body must be a JSON object'],
    [[{}], 'The body must be a JSON object'],
    ['text', 'The body must be a JSON object'],
    [1, 'The body must be a JSON object'],
  ])('refuses %j as a whole', (body, message) => {
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
  ])('names text that PostgreSQL cannot keep: %j', (body, field) => {
    expect(faultsOf(body)).toEqual([{ field, message: expect.stringContaining('U+0000') }]);
  });

  it.each([
    ['experiment_types', { experiment_types: Array(49_000).fill('x') }],
    ['filter.include.namespace', { filter: { include: { namespace: Array(49_000).fill(null) } } }],
    [
      'filter.include.labels',
      { filter: { include: { labels: Object.fromEntries(Array.from({ length: 9_000 }, (_, index) => [`a${index}`, null])) } } },
    ],
  ])('reports the first faulty members of %s, and that there may be more', (field, body) => {
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
  it('puts each field behind its message', () => {
    const faults = [
      { field: '', message: 'whole' },
      { field: 'a.b', message: 'part' },
    ];
    expect(describeFaults(faults)).toBe('whole; part (field: a.b)');
  });

  it('stays short, whatever was sent', () => {
    const faults = Array.from({ length: 6_000 }, () => ({ field: 'f'.repeat(9_999), message: 'm'.repeat(9_999) }));
    const text = describeFaults(faults);
    expect(text.length).toBeLessThan(15_000);
    expect(text).toMatch(/^m{400}… \(field: f{200}…\); .*; and 5980 more$/);
  });
});

it('tells faults that fit, and no more', () => {
  const fault = { field: 'a', message: 'x' };
  expect(describeFaults(Array(20).fill(fault))).not.toContain('more');
  expect(describeFaults(Array(21).fill(fault))).toMatch(/; and 1 more$/);
});
