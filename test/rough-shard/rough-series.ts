import { randomAt } from '../cluster/random.js';

/** What is wrong with the samples of a series, as scrapes of a real cluster are. */
export interface Roughness {
  readonly scrapeSeconds: number;
  /** The scrapes are this far from multiples of their interval. */
  readonly offsetSeconds: number;
  /** Each scrape's own delay is below this. */
  readonly jitterMs: number;
  readonly gaps: number;
  readonly resets: number;
}

export interface Life {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

export type Signal = 'counter' | 'gauge' | 'constant';

const gapSeconds = 5_000;

/** Samples of one series as lines of OpenMetrics. Equal seeds give equal samples. */
export function* roughLines(series: string, signal: Signal, seed: number, life: Life, rough: Roughness): Generator<string> {
  const length = life.toSeconds - life.fromSeconds;
  const placesOf = (count: number, salt: number) =>
    Array.from({ length: count }, (_, i) => life.fromSeconds + length * randomAt(seed ^ salt, i));
  const gaps = placesOf(rough.gaps, 0x51);
  const resets = placesOf(rough.resets, 0x77).sort((a, b) => a - b);
  let counter = 1_000 * randomAt(seed, 1);
  for (
    let at = Math.ceil(life.fromSeconds / rough.scrapeSeconds) * rough.scrapeSeconds + rough.offsetSeconds;
    at < life.toSeconds;
    at += rough.scrapeSeconds
  ) {
    const random = randomAt(seed, at);
    counter += random * rough.scrapeSeconds;
    if (resets.length > 0 && at >= resets[0]!) {
      resets.shift();
      counter = random;
    }
    const isInGap = gaps.some((gap) => at >= gap && at < gap + gapSeconds * randomAt(seed, gap));
    if (isInGap) continue;
    const value = { counter, gauge: 1e6 * (0.5 + random), constant: 0.25 + ((seed >>> 0) % 8) }[signal];
    yield `${series} ${value} ${(at + Math.floor(random * rough.jitterMs) / 1000).toFixed(3)}\n`;
  }
}
