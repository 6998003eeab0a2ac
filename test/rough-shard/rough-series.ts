import { randomAt } from '../cluster/random.js';

/** Irregularities of a series' samples, as in scrapes of a real cluster. */
export interface Roughness {
  readonly scrapeSeconds: number;
  /** Offset of the scrapes from multiples of their interval. */
  readonly offsetSeconds: number;
  /** Upper bound of the random delay of each scrape. */
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

/** Samples of a series as OpenMetrics lines. Equal seeds produce equal samples. */
export function* roughLines(series: string, signal: Signal, seed: number, life: Life, rough: Roughness): Generator<string> {
  const length = life.toSeconds - life.fromSeconds;
  const instantsOf = (count: number, salt: number) =>
    Array.from({ length: count }, (_, i) => life.fromSeconds + length * randomAt(seed ^ salt, i));
  const gaps = instantsOf(rough.gaps, 0x51);
  const resets = instantsOf(rough.resets, 0x77).sort((a, b) => a - b);
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
