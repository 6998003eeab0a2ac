import type { Model } from './models.js';
import type { NotificationCode } from './notifications.js';
import type { TermUsage } from './term-usage.js';

/** A recommended amount, or the notification that says why there is none. */
export type Sized = { readonly amount: number; readonly format: string } | { readonly notice: NotificationCode };

export const oneCore = 1.0;
const idleCores = 0.001;
const usageBuffer = 0.2;
const spikeBuffer = 0.05;

/** Recommended cores: the percentile of the peaks; the maximum where not even that reaches one core (recommendations.md 5.3). */
export function sizeCpu(usage: TermUsage, model: Model): Sized {
  const { maximum } = usage.cpuPeaks;
  const cores = maximum < oneCore ? maximum : usage.cpuPeaks.at(model.cpuPercentile);
  if (cores === 0) return { notice: 323002 };
  if (cores <= idleCores) return { notice: 323001 };
  return { amount: cores, format: usage.cpuFormat };
}

/** Recommended bytes: the percentile of the peaks with a fifth on top, or with the usual spike on top where that is less (recommendations.md 5.5). */
export function sizeMemory(usage: TermUsage, model: Model): Sized {
  const { withBuffer, withSpike } = memoryBounds(usage, model);
  const bytes = Math.min(withBuffer, withSpike);
  // The reference compares with 0 only; negative bytes, which no exporter sends, are as little to recommend.
  return bytes <= 0 ? { notice: 324001 } : { amount: bytes, format: usage.memoryFormat };
}

/** The two amounts of which the smaller is recommended, bytes: A = the peak and a fifth, B = the peak and the spike. */
export function memoryBounds(usage: TermUsage, { memoryPercentile }: Model) {
  const peak = usage.memoryPeaks.at(memoryPercentile);
  const spike = usage.memorySpikes.at(memoryPercentile);
  return { peak, spike, withBuffer: peak + peak * usageBuffer, withSpike: peak + (spike + spike * spikeBuffer) };
}
