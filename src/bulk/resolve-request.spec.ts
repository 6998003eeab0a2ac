import type { BulkRequest } from './bulk-request.js';
import { datasourcesOf, resolveRequest, usageEnd } from './resolve-request.js';

const day = 86_400;
const end = Date.parse('2026-11-21T03:37:11Z') / 1000;

describe('resolveRequest', () => {
  it('applies the defaults where the request is silent', () => {
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
    [{ filter: { include: { labels: { org: 'x' } }, exclude: { labels: { org: 'y' } } } }, { includedLabels: { org: 'x' } }],
  ])('takes %j as it is', (request, resolved) => expect(resolveRequest(request)).toMatchObject(resolved));

  it.each<[string, BulkRequest['time_range'], object | undefined]>([
    ['no range', {}, undefined],
    ['null at both ends', { start: null, end: null }, undefined],
    ['both ends', { start: '2026-11-20T03:37:11.900Z', end: '2026-11-21T03:37:11.900Z' }, { startSeconds: end - day, endSeconds: end }],
    ['an end in another zone', { end: '2026-11-21T09:07:11+05:30' }, { startSeconds: end - 15 * day, endSeconds: end }],
    ['an end alone: back by the longest term', { end: '2026-11-21T03:37:11Z' }, { startSeconds: end - 15 * day, endSeconds: end }],
  ])('reads a time range with %s', (_what, time_range, expected) => {
    expect(resolveRequest({ time_range }).timeRange).toEqual(expected);
  });

  it('takes the longest asked term for the start of an end alone', () => {
    const { timeRange } = resolveRequest({ time_range: { end: '2026-11-21T03:37:11Z' }, term_settings: { terms: ['short'] } });
    expect(timeRange).toEqual({ startSeconds: end - day, endSeconds: end });
  });
});

describe('datasourcesOf', () => {
  it.each<[BulkRequest, string[]]>([
    [{}, ['prometheus-1']],
    [{ datasource: null, datasources: [] }, ['prometheus-1']],
    [{ datasource: 'a' }, ['a']],
    [{ datasources: ['b', 'a', 'b'] }, ['b', 'a']],
    [{ datasource: 'a', datasources: ['b', 'a'] }, ['a', 'b']],
  ])('of %j are %j', (request, names) => expect(datasourcesOf(request)).toEqual(names));
});

describe('usageEnd', () => {
  const now = new Date('2026-11-21T03:37:11.789Z');
  it.each<[string, BulkRequest, boolean, string]>([
    ['floors now to the measurement duration', {}, true, '2026-11-21T03:30:00.000Z'],
    ['floors to a longer one', { measurement_duration: '1h30m' }, true, '2026-11-21T03:00:00.000Z'],
    ['keeps the second where alignment is off', {}, false, '2026-11-21T03:37:11.000Z'],
    ['takes a given end as it is', { time_range: { end: '2026-11-20T01:02:03Z' } }, true, '2026-11-20T01:02:03.000Z'],
  ])('%s', (_what, request, isAligned, expected) => {
    expect(usageEnd(resolveRequest(request), now, isAligned).toISOString()).toBe(expected);
  });
});
