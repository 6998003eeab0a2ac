import * as fc from 'fast-check';
import { areDays, durationText, lengthAt, planFinerWindows, planWindows, startOf } from './plan-windows.js';

const now = 1795231800;
const day = 86_400;
const range = (seconds: number) => planWindows(900, now, { startSeconds: now - seconds, endSeconds: now });

describe('planWindows', () => {
  it('is one window of the measurement duration without a time range, or with an empty one', () => {
    expect(planWindows(900, now)).toEqual([{ endSeconds: now, lengthMs: 900_000, count: 1 }]);
    expect(planWindows(900, now, { startSeconds: 5, endSeconds: 5 })).toEqual([{ endSeconds: 5, lengthMs: 900_000, count: 1 }]);
  });

  it.each([
    [1, 1, 1000],
    [900, 1, 900_000],
    [day, 1, 86_400_000],
    [2 * day, 2, 86_400_000],
    [day + 1, 2, 43_200_500],
    [1.5 * day, 2, 64_800_000],
  ])('divides %d s into %d windows', (seconds, count, lengthMs) => expect(range(seconds)).toEqual([{ endSeconds: now, count, lengthMs }]));

  it('divides more than two days at midnights, UTC', () => {
    const [head, days, tail, ...more] = planWindows(900, now, { startSeconds: now - 15 * day, endSeconds: now });
    const midnight = now - (now % day);
    expect(head).toEqual({ endSeconds: midnight - 14 * day, lengthMs: (day - (now % day)) * 1000, count: 1 });
    expect(days).toEqual({ endSeconds: midnight, lengthMs: day * 1000, count: 14 });
    expect(tail).toEqual({ endSeconds: now, lengthMs: (now % day) * 1000, count: 1 });
    expect(more).toEqual([]);
    expect([head!, days!, tail!].map(areDays)).toEqual([false, true, false]);
  });

  it('is days alone where the range begins and ends at midnight', () => {
    const midnight = now - (now % day);
    const windows = planWindows(900, now, { startSeconds: midnight - 3 * day, endSeconds: midnight });
    expect(windows).toEqual([{ endSeconds: midnight, lengthMs: day * 1000, count: 3 }]);
  });

  it('lengthens the windows of a range of more than 11,000 days', () => {
    const [{ count, lengthMs } = { count: 0, lengthMs: 0 }] = planWindows(900, now, { startSeconds: 0, endSeconds: now });
    expect(count).toBeLessThanOrEqual(11_000);
    expect(count * lengthMs).toBeLessThanOrEqual(now * 1000);
    expect(now * 1000 - count * lengthMs).toBeLessThan(11_000);
  });

  it('covers any range without overlap, and never reaches before its start', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 * day * 1000 }), (rangeMs) => {
        const parts = planWindows(900, now, { startSeconds: now - rangeMs / 1000, endSeconds: now });
        const missedMs = rangeMs - parts.reduce((sum, { count, lengthMs }) => sum + count * lengthMs, 0);
        expect(missedMs).toBeGreaterThanOrEqual(0);
        expect(missedMs).toBeLessThan(parts[0]!.count);
        expect(parts.at(-1)!.endSeconds).toBe(now);
        for (const [index, part] of parts.entries()) {
          const firstStart = startOf(part) - part.lengthMs / 1000;
          expect(part.lengthMs).toBeLessThanOrEqual(day * 1000);
          expect(part.count).toBeLessThanOrEqual(11_000);
          expect(part.count).toBeGreaterThanOrEqual(1);
          expect(firstStart).toBeGreaterThanOrEqual(now - rangeMs / 1000 - 1e-6);
          if (index > 0) expect(firstStart).toBeCloseTo(parts[index - 1]!.endSeconds, 3);
        }
        if (rangeMs % 1000 === 0) expect(missedMs).toBe(0);
      }),
    );
  });
});

describe('lengthAt', () => {
  it('tells the length of the window that ends at an instant', () => {
    const parts = planWindows(900, now, { startSeconds: now - 15 * day, endSeconds: now });
    const midnight = now - (now % day);
    expect(lengthAt(parts, now)).toBe((now % day) * 1000);
    expect(lengthAt(parts, midnight)).toBe(day * 1000);
    expect(lengthAt(parts, midnight - 13 * day)).toBe(day * 1000);
    expect(lengthAt(parts, midnight - 14 * day)).toBe((day - (now % day)) * 1000);
    expect(lengthAt(parts, midnight - 60)).toBeUndefined();
    expect(lengthAt(parts, midnight - 15 * day)).toBeUndefined();
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
