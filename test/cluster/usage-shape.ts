/** How a container's usage changes over time. CPU in cores, memory in bytes. */
export interface UsageShape {
  readonly cpuCores: number;
  /** Amplitude of the daily wave, as a share of `cpuCores`. */
  readonly dailySwing: number;
  /** Amplitude of the random change per scrape, as a share. */
  readonly noise: number;
  readonly burstCores: number;
  readonly burstsPerDay: number;
  /** 0 = a burst lasts one scrape. */
  readonly burstSeconds: number;
  readonly memoryBytes: number;
  /** Share of the memory that follows the CPU's wave. */
  readonly memorySwing: number;
  readonly leakBytesPerDay: number;
  /** Busy only in these hours of the day (UTC), idle otherwise. */
  readonly workHours: readonly [from: number, to: number];
}

const mib = 1024 ** 2;
const gib = 1024 ** 3;
const steady: UsageShape = {
  cpuCores: 0.2,
  dailySwing: 0.1,
  noise: 0.08,
  burstCores: 0,
  burstsPerDay: 0,
  burstSeconds: 0,
  memoryBytes: 400 * mib,
  memorySwing: 0.03,
  leakBytesPerDay: 0,
  workHours: [0, 24],
};

/** Shapes of the containers in generated clusters. */
export const usageShapes = {
  steady,
  daily: { ...steady, cpuCores: 0.35, dailySwing: 0.7, memorySwing: 0.2 },
  idle: { ...steady, cpuCores: 0.0003, noise: 0.3, memoryBytes: 24 * mib },
  small: { ...steady, cpuCores: 0.03, memoryBytes: 60 * mib },
  bursty: {
    ...steady,
    cpuCores: 0.5,
    dailySwing: 0.4,
    burstCores: 2.2,
    burstsPerDay: 3,
    burstSeconds: 1_500,
    memoryBytes: gib,
    memorySwing: 0.15,
  },
  spiky: { ...steady, cpuCores: 0.1, burstCores: 0.7, burstsPerDay: 20, memoryBytes: 300 * mib },
  leaky: { ...steady, cpuCores: 0.15, memoryBytes: 250 * mib, leakBytesPerDay: 180 * mib },
  throttled: { ...steady, cpuCores: 0.6, dailySwing: 0.6, burstCores: 0.8, burstsPerDay: 12, burstSeconds: 2_400, memoryBytes: 500 * mib },
  database: { ...steady, cpuCores: 0.9, dailySwing: 0.5, memoryBytes: 3 * gib, memorySwing: 0.05 },
  java: { ...steady, cpuCores: 0.8, dailySwing: 0.3, burstCores: 0.6, burstsPerDay: 4, burstSeconds: 900, memoryBytes: 1.4 * gib },
  nightly: { ...steady, cpuCores: 1.6, noise: 0.2, memoryBytes: 2 * gib, memorySwing: 0.6, workHours: [1, 5] },
} as const satisfies Record<string, UsageShape>;
export type UsageKind = keyof typeof usageShapes;
