import { readUsageOptions } from './save-usage.js';

const now = new Date('2026-01-31T12:10:00.500Z');

it('defaults to 15 days in intervals of 15 minutes up to now', () => {
  expect(readUsageOptions({}, now, false)).toEqual({
    ...{ endSeconds: Date.parse('2026-01-31T12:10:00Z') / 1000, isEndGiven: false, days: 15, stepMinutes: 15 },
    metricProfile: 'resource-optimization-local-monitoring',
  });
});

it.each([
  [{}, '2026-01-31T12:00:00Z'],
  [{ step: '4' }, '2026-01-31T12:08:00Z'],
  [{ end: '2026-01-31T12:10:30Z' }, '2026-01-31T12:10:30Z'],
])('for %j ends at %s if ends are aligned: the current time is rounded down, a given end is not', (options, end) => {
  expect(readUsageOptions(options, now, true).endSeconds).toBe(Date.parse(end) / 1000);
});

it('reads all options', () => {
  const given = { end: '2026-01-30T13:00:00+01:00', days: '0.5', step: '5', metricProfile: 'mine' };

  expect(readUsageOptions(given, now, true)).toEqual({
    ...{ endSeconds: Date.parse('2026-01-30T12:00:00Z') / 1000, isEndGiven: true, days: 0.5, stepMinutes: 5, metricProfile: 'mine' },
  });
});

it.each([
  [{ end: 'yesterday' }, '--end yesterday'],
  [{ end: '2026-01-31T12:10:30' }, 'with Z or an offset'],
  [{ end: '2026-01-31' }, 'with Z or an offset'],
  [{ days: '0' }, '--days 0'],
  [{ days: '' }, '--days'],
  [{ days: 'Infinity' }, '--days Infinity'],
  [{ step: '1' }, '--step 1'],
  [{ step: '2.5' }, '--step 2.5'],
])('rejects %j and names the option', (options, text) => {
  expect(() => readUsageOptions(options, now, true)).toThrow(text);
});
