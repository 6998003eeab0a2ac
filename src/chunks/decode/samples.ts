/** Samples in time order, as they lie between decoder and lanes. Grows as needed and is used again. */
export class Samples {
  count = 0;
  times = new Float64Array(128);
  values = new Float64Array(128);
  /** 1 = the sample is a stale marker. Apart from the values: JavaScript may not keep the bits of a NaN. */
  stale = new Uint8Array(128);

  push(timeMs: number, value: number, isStale: number): void {
    if (this.count === this.times.length) this.grow();
    this.times[this.count] = timeMs;
    this.values[this.count] = value;
    this.stale[this.count++] = isStale;
  }

  get lastTime(): number {
    return this.times[this.count - 1]!;
  }

  private grow(): void {
    const { times, values, stale } = this;
    this.times = new Float64Array(times.length * 2);
    this.values = new Float64Array(times.length * 2);
    this.stale = new Uint8Array(times.length * 2);
    this.times.set(times);
    this.values.set(values);
    this.stale.set(stale);
  }
}

/** Most samples that are held back at a time; a chunk has at most 65,535. */
const mostSamples = 131_072;

/** Merges two lists by time into `merged`, the first from index `from` on; of two samples at one time the first list's is kept. False = too many. */
export function mergeSamples(first: Samples, from: number, second: Samples, merged: Samples): boolean {
  merged.count = 0;
  let i = from;
  let k = 0;
  while (i < first.count || k < second.count) {
    if (merged.count === mostSamples) return false;
    const firstTime = i < first.count ? first.times[i]! : Number.POSITIVE_INFINITY;
    const secondTime = k < second.count ? second.times[k]! : Number.POSITIVE_INFINITY;
    if (firstTime <= secondTime) merged.push(firstTime, first.values[i]!, first.stale[i]!);
    else merged.push(secondTime, second.values[k]!, second.stale[k]!);
    if (firstTime <= secondTime) i++;
    if (secondTime <= firstTime) k++;
  }
  return true;
}
