import { compareWithCurrent } from './compare.js';
import type { ResourceConfig } from './recommendations.js';

const cores = (amount: number) => ({ amount, format: 'cores' });
const currentOf = (requests?: number, limits?: number): ResourceConfig => ({
  ...(requests === undefined ? {} : { requests: { cpu: cores(requests) } }),
  ...(limits === undefined ? {} : { limits: { cpu: cores(limits) } }),
});

it.each([
  ['neither is close', 0.4, 1, 0.5, 0.5 - 0.4, 0.5 - 1, []],
  ['the request is close', 0.5001, 1, 0.5001, 0, -0.5, [323004]],
  ['the limit is close', 1, 0.4999, 0.4999, -0.5, 0, [323005]],
  ['both are close, the limit last', 0.5001, 0.4999, 0.4999, 0, 0, [323004, 323005]],
  ['nothing is configured', undefined, undefined, 0.5, 0.5, 0.5, []],
])('keeps one amount for request and limit if %s', (_, request, limit, config, requestVariation, limitVariation, notices) => {
  expect(compareWithCurrent('cpu', cores(0.5), currentOf(request, limit), 0.1)).toEqual({
    config: cores(config),
    variation: { requests: cores(requestVariation), limits: cores(limitVariation) },
    notices,
  });
});

it("keeps the limit's amount of memory if both are close", () => {
  const bytes = (amount: number) => ({ amount, format: 'bytes' });
  const current = { requests: { memory: bytes(1.0005e8) }, limits: { memory: bytes(1.0002e8) } };

  expect(compareWithCurrent('memory', bytes(1e8), current, 0.1)).toEqual({
    config: bytes(1.0002e8),
    variation: { requests: bytes(0), limits: bytes(0) },
    notices: [324003, 324004],
  });
});

it.each([
  [10, [323004]],
  [4, []],
])('compares with a threshold of %d percent', (threshold, notices) => {
  expect(compareWithCurrent('cpu', cores(1.05), currentOf(1.0), threshold).notices).toEqual(notices);
});

it.each([0, -1, Number.NaN])('uses the default for a threshold of %d', (threshold) => {
  expect(compareWithCurrent('cpu', cores(0.5), currentOf(0.5001), threshold).notices).toEqual([323004]);
  expect(compareWithCurrent('cpu', cores(0.5), currentOf(0.501), threshold).notices).toEqual([]);
});

it('leaves an amount of unknown format out of the config but not out of the variation', () => {
  expect(compareWithCurrent('cpu', { amount: 0.5, format: '' }, currentOf(0.5), 0.1)).toEqual({
    variation: { requests: { amount: 0, format: '' }, limits: { amount: 0.5, format: '' } },
    notices: [223003],
  });
});
