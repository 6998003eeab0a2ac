import { describe, expect, it } from '@jest/globals';
import { findStart, type PartitionOffsets } from './find-start.js';

/** A partition whose record at each offset has that many seconds as its time. */
const offsetsOf = (low: number, high: number, committed?: number, times: readonly number[] = []): PartitionOffsets => ({
  low: BigInt(low),
  high: BigInt(high),
  ...(committed !== undefined && { committed: BigInt(committed) }),
  atTime: async (timeMs) => {
    const timeOf = (offset: number) => (times[offset] ?? offset) * 1_000;
    for (let offset = low; offset < high; offset++) if (timeOf(offset) >= timeMs) return BigInt(offset);
    return BigInt(high);
  },
});
const position = (first: number, next: number, newestSeconds?: number) => ({
  firstOffset: BigInt(first),
  nextOffset: BigInt(next),
  ...(newestSeconds !== undefined && { newestAt: new Date(newestSeconds * 1_000) }),
});

describe('a group without a position', () => {
  it.each([
    ['earliest', 3n],
    ['latest', 9n],
    [5_000, 5n],
    [99_000, 9n],
  ] as const)('begins by the policy %s at %s', async (initial, offset) => {
    expect(await findStart(undefined, offsetsOf(3, 9), initial)).toEqual({ offset, replaces: true });
  });

  it('begins at the offset that it committed, if that still exists', async () => {
    expect(await findStart(undefined, offsetsOf(3, 9, 5), 'latest')).toEqual({ offset: 5n, replaces: true });
    expect(await findStart(undefined, offsetsOf(3, 9, 1), 'latest')).toEqual({ offset: 3n, replaces: true });
    expect(await findStart(undefined, offsetsOf(3, 9, 12), 'latest')).toEqual({ offset: 9n, replaces: true });
  });
});

describe('a group with a position', () => {
  it('goes on there, whether or not its committed offset has expired', async () => {
    expect(await findStart(position(0, 5, 4), offsetsOf(0, 9, 4), 'latest')).toEqual({ offset: 5n, replaces: false });
    expect(await findStart(position(0, 5, 4), offsetsOf(0, 9), 'latest')).toEqual({ offset: 5n, replaces: false });
    expect(await findStart(position(9, 9), offsetsOf(0, 9), 'earliest')).toEqual({ offset: 9n, replaces: false });
  });

  it('skips to a committed offset that is larger', async () => {
    expect(await findStart(position(0, 5, 4), offsetsOf(0, 9, 7), 'latest')).toEqual({ offset: 7n, replaces: true });
    expect(await findStart(position(0, 5, 4), offsetsOf(0, 9, 5), 'latest')).toEqual({ offset: 5n, replaces: false });
    expect(await findStart(position(0, 5, 4), offsetsOf(0, 9, 12), 'latest')).toEqual({ offset: 9n, replaces: true });
  });

  it('begins at the oldest record if its next one was deleted', async () => {
    const start = await findStart(position(0, 5, 4), offsetsOf(7, 9, 5), 'latest');
    expect(start).toEqual({ offset: 7n, replaces: true, warning: expect.stringContaining('from 5 to 6') });
  });

  it('goes on after records that Kafka lost', async () => {
    const start = await findStart(position(0, 5, 4), offsetsOf(0, 3, 5), 'earliest');
    expect(start).toEqual({ offset: 3n, replaces: true, warning: expect.stringContaining('from 3 to 4') });
  });

  it.each([
    ['is shorter', position(0, 5, 4), offsetsOf(0, 3)],
    ['has newer records at handled offsets', position(0, 5, 4), offsetsOf(0, 9, undefined, [10, 11, 12, 13, 14, 15])],
  ] as const)('begins by the policy if the topic %s and Kafka knows no committed offset', async (_, known, offsets) => {
    expect(await findStart(known, offsets, 'earliest')).toEqual({
      offset: 0n,
      replaces: true,
      warning: expect.stringContaining('made anew'),
    });
  });

  it('ignores newer records before its first one: it never read them', async () => {
    const times = [50, 51, 2, 3, 4];
    expect(await findStart(position(2, 5, 4), offsetsOf(0, 5, undefined, times), 'earliest')).toEqual({ offset: 5n, replaces: false });
  });
});
