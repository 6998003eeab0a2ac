import type { BulkRequest } from './bulk-request.js';
import { checkBulkRequest } from './check-bulk-request.js';

const context = {
  jobId: '4711',
  isDatasource: (name: string) => name === 'prometheus-1',
  isMetadataProfile: (name: string) => name === 'cluster-metadata-local-monitoring',
};
const check = (request: BulkRequest) => checkBulkRequest(request, context);

describe('checkBulkRequest', () => {
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
  ])('finds nothing wrong with %j', (request) => expect(check(request)).toEqual([]));

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
  ])('refuses the time %j at either end with the text of the reference', (text) => {
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
  ])('refuses %j at %s', (request, field, message) => {
    expect(check(request)).toEqual([{ field, message: expect.stringContaining(message) }]);
  });

  it('takes a webhook address that may not be called: that fails the webhook, not the job', () => {
    expect(check({ webhook: { url: 'http://127.0.0.1:8080/webhook' } })).toEqual([]);
  });

  it('names every fault', () => {
    const fields = check({ datasource: 'x', deadline: 'x', measurement_duration: 'x', time_range: { start: 'x' }, webhook: { url: 'x' } });
    expect(fields.map(({ field }) => field)).toEqual(['time_range.start', 'datasource', 'measurement_duration', 'deadline', 'webhook.url']);
  });
});
