import { percentilesOf, type TermUsage } from './sizing.js';

/** Share of a GPU's memory and streaming multiprocessors for each position in the tables below. */
const shares = [
  { memory: 1 / 8, cores: 1 / 7 },
  { memory: 1 / 4, cores: 1 / 7 },
  { memory: 2 / 8, cores: 2 / 7 },
  { memory: 4 / 8, cores: 3 / 7 },
  { memory: 4 / 8, cores: 4 / 7 },
  { memory: 1, cores: 1 },
] as const;

/**
 * MIG profiles by the parts of a card's `modelName`, in the order of `shares`. The first row that matches applies. A name without a size,
 * such as `A100`, matches no row and gets no recommendation, as in Kruize (design/AcceleratorSupport.md).
 */
const cards = [
  { contains: ['A100', '40GB'], profiles: ['1g.5gb', '1g.10gb', '2g.10gb', '3g.20gb', '4g.20gb', '7g.40gb'] },
  { contains: ['A100', '80GB'], profiles: ['1g.10gb', '1g.20gb', '2g.20gb', '3g.40gb', '4g.40gb', '7g.80gb'] },
  { contains: ['H100', '80GB'], profiles: ['1g.10gb', '1g.20gb', '2g.20gb', '3g.40gb', '4g.40gb', '7g.80gb'] },
  { contains: ['H100', '94GB'], profiles: ['1g.12gb', '1g.24gb', '2g.24gb', '3g.47gb', '4g.47gb', '7g.94gb'] },
  { contains: ['H100', '96GB'], profiles: ['1g.12gb', '1g.24gb', '2g.24gb', '3g.48gb', '4g.48gb', '7g.96gb'] },
  { contains: ['H200'], profiles: ['1g.18gb', '1g.35gb', '2g.35gb', '3g.71gb', '4g.71gb', '7g.141gb'] },
] as const;

const supportedCards = ['A100', 'H100', 'H200'];

/** Whether a GPU with this `modelName` is supported. The first such series of a container is its GPU, as in Kruize. */
export function isSupportedAccelerator(modelName: string): boolean {
  const name = modelName.toUpperCase();
  return supportedCards.some((card) => name.includes(card));
}

/** The smallest MIG profile that covers the percentile of core and memory usage. Undefined without usage or profiles of the card. */
export function chooseMigProfile(modelName: string, usage: TermUsage, percentile: number): string | undefined {
  if (usage.acceleratorCore.length === 0 && usage.acceleratorMemory.length === 0) return undefined;
  const name = modelName.toUpperCase();
  const card = cards.find(({ contains }) => contains.every((part) => name.includes(part)));
  const cores = shareOf(usage.acceleratorCore, percentile);
  const memory = shareOf(usage.acceleratorMemory, percentile);
  const place = shares.findIndex((share) => share.memory >= memory && share.cores >= cores);
  return card?.profiles[place];
}

function shareOf(percents: Float64Array, percentile: number): number {
  return Math.min(percentilesOf(percents).at(percentile) / 100, 1);
}
