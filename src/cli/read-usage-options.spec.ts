import { readUsageOptions } from './read-usage-options.js';

const now = new Date('2026-01-31T12:00:00.500Z');

it('reads 15 days of quarter hours up to now', () => {
  expect(readUsageOptions({}, now)).toEqual({
    ...{ endSeconds: Date.parse('2026-01-31T12:00:00Z') / 1000, isEndGiven: false, days: 15, stepMinutes: 15 },
    metricProfile: 'resource-optimization-local-monitoring',
  });
});

it('reads what is given', () => {
  const given = { end: '2026-01-30T13:00:00+01:00', days: '0.5', step: '5', metricProfile: 'mine' };

  expect(readUsageOptions(given, now)).toEqual({
    ...{ endSeconds: Date.parse('2026-01-30T12:00:00Z') / 1000, isEndGiven: true, days: 0.5, stepMinutes: 5, metricProfile: 'mine' },
  });
});

it.each([
  [{ end: 'yesterday' }, '--end yesterday'],
  [{ days: '0' }, '--days 0'],
  [{ days: '' }, '--days'],
  [{ days: 'Infinity' }, '--days Infinity'],
  [{ step: '1' }, '--step 1'],
  [{ step: '2.5' }, '--step 2.5'],
])('refuses %j and names the option', (options, text) => {
  expect(() => readUsageOptions(options, now)).toThrow(text);
});
