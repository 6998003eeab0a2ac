import { randomAt, seedOf } from '../cluster/random.js';
import { type Sample, staleMarker } from './encode-xor-chunk.js';

export interface SeriesOptions {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly seed: number;
  /** Whether the samples include stale markers, NaN and infinities. */
  readonly isOdd: boolean;
}

const intervalsMs = [15_000, 30_000, 60_000, 120_000, 300_000];
/** Offsets from the grid: none, constant, or random per sample. */
const offsets: readonly ((seed: number, i: number) => number)[] = [
  () => 0,
  () => 4_321,
  (seed, i) => Math.floor(randomAt(seed, i) * 3_000),
];

/** Patterns of values. `i` is the index of the sample, `random` a random number per sample. */
const patterns: readonly (() => (i: number, random: number) => number)[] = [
  () => () => 0.25,
  () => (_, random) => random * 1e9,
  () => (i) => Math.floor(i / 40),
  () => (_, random) => (random < 0.7 ? 3 : random - 0.9),
  counter,
  () => {
    const count = counter();
    return (i, random) => (i < 4 ? 0 : count(i, random));
  },
  () => {
    const count = counter();
    return (i, random) => Math.floor(count(i, random));
  },
];

/** A counter that resets now and then, not always to zero. */
function counter(): (i: number, random: number) => number {
  let sum = 0;
  return (_, random) => {
    sum = random > 0.97 ? random * 3 : sum + (random < 0.3 ? 0 : random * 2);
    return sum;
  };
}

const oddValues: readonly Sample[1][] = [
  staleMarker,
  staleMarker,
  staleMarker,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

/** Samples of series number `index`. Patterns, intervals and offsets alternate; some series have gaps, start late or end early. */
export function generateSamples(index: number, { fromMs, untilMs, seed, isOdd }: SeriesOptions): Sample[] {
  const own = seedOf(seed, `${index}`);
  const intervalMs = intervalsMs[index % intervalsMs.length]!;
  const offset = offsets[Math.floor(index / intervalsMs.length) % offsets.length]!;
  const value = patterns[index % patterns.length]!();
  const life = untilMs - fromMs;
  const startMs = index % 4 === 1 ? fromMs + Math.floor((randomAt(own, -1) * life) / 2) : fromMs;
  const endMs = index % 4 === 2 ? untilMs - Math.floor((randomAt(own, -2) * life) / 2) : untilMs;
  const samples: Sample[] = [];
  // Scrapes are at multiples of the interval, so that some coincide with the ends of windows.
  let at = Math.ceil(startMs / intervalMs) * intervalMs;
  for (let i = 0; at < endMs; i++, at += intervalMs) {
    const isGap = index % 3 === 0 && randomAt(own ^ 0x51ed270b, Math.floor(i / 25)) > 0.8;
    const random = randomAt(own, i);
    const regular = value(i, random);
    if (isGap) continue;
    const isReplaced = isOdd && index % 2 === 0 && randomAt(own ^ 0x2545f491, i) > 0.97;
    const odd = oddValues[Math.floor(randomAt(own ^ 0x1b873593, i) * oddValues.length)]!;
    samples.push([at + offset(own, i), isReplaced ? odd : regular]);
  }
  return samples;
}
