import * as fc from 'fast-check';
import { durationText, planFinerWindows, planWindows, startOf } from './plan-windows.js';

const now = 1795231800;
const day = 86_400;
const range = (seconds: number) => planWindows(900, now, { startSeconds: now - seconds, endSeconds: now });

describe('planWindows', () => {
  it('is one window of the measurement duration without a time range, or with an empty one', () => {
    expect(planWindows(900, now)).toEqual({ endSeconds: now, lengthMs: 900_000, count: 1 });
    expect(planWindows(900, now, { startSeconds: 5, endSeconds: 5 })).toEqual({ endSeconds: 5, lengthMs: 900_000, count: 1 });
  });

  it.each([
    [1, 1, 1000],
    [900, 1, 900_000],
    [day, 1, 86_400_000],
    [15 * day, 15, 86_400_000],
    [day + 1, 2, 43_200_500],
    [1.5 * day, 2, 64_800_000],
  ])('divides %d s into %d windows', (seconds, count, lengthMs) => expect(range(seconds)).toMatchObject({ count, lengthMs }));

  it('lengthens the windows of a range of more than 11,000 days', () => {
    const { count, lengthMs } = planWindows(900, now, { startSeconds: 0, endSeconds: now });
    expect(count).toBeLessThanOrEqual(11_000);
    expect(count * lengthMs).toBeLessThanOrEqual(now * 1000);
    expect(now * 1000 - count * lengthMs).toBeLessThan(11_000);
  });

  it('covers any range without overlap, and never reaches before its start', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 * day * 1000 }), (rangeMs) => {
        const windows = planWindows(900, now, { startSeconds: now - rangeMs / 1000, endSeconds: now });
        const missedMs = rangeMs - windows.count * windows.lengthMs;
        const firstStart = startOf(windows) - windows.lengthMs / 1000;
        expect(missedMs).toBeGreaterThanOrEqual(0);
        expect(missedMs).toBeLessThan(windows.count);
        expect(windows.lengthMs).toBeLessThanOrEqual(day * 1000);
        expect(windows.count).toBeLessThanOrEqual(11_000);
        expect(firstStart).toBeGreaterThanOrEqual(now - rangeMs / 1000 - 1e-6);
        if (rangeMs % 1000 === 0) expect(missedMs).toBe(0);
      }),
    );
  });
});

describe('planFinerWindows', () => {
  it('reaches back over the coarse window', () => {
    const windows = planFinerWindows(now, day * 1000, 900_000);
    expect([windows.count, startOf(windows)]).toEqual([96, now - day + 900]);
  });
});

describe('durationText', () => {
  it.each([
    [900_000, '900s'],
    [43_200_500, '43200500ms'],
  ])('writes %d ms as %s', (lengthMs, text) => expect(durationText(lengthMs)).toBe(text));
});
