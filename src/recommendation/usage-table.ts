/** Metrics that the engine reads, as Kruize's metric profile names them (spec: recommendations.md 1.3-1.5). */
export const usageMetrics = [
  'cpuRequest',
  'cpuLimit',
  'memoryRequest',
  'memoryLimit',
  'cpuUsage',
  'cpuThrottle',
  'memoryUsage',
  'memoryRSS',
  'namespaceCpuRequest',
  'namespaceCpuLimit',
  'namespaceMemoryRequest',
  'namespaceMemoryLimit',
  'namespaceCpuUsage',
  'namespaceCpuThrottle',
  'namespaceMemoryUsage',
  'namespaceMemoryRSS',
  'namespaceTotalPods',
  'acceleratorCoreUsage',
  'acceleratorMemoryUsage',
] as const;
export type UsageMetric = (typeof usageMetrics)[number];

/** `count` = number of series in the interval, where the reader knows it; then it replaces `sum / avg` in pods_count. */
export type UsageFunction = 'avg' | 'min' | 'max' | 'sum' | 'count';
export type UsageColumn = `${UsageMetric}.${UsageFunction}`;

/** Labels of the first `jvm_info` / `jvm_info_total` series. */
export interface JvmInfo {
  readonly runtime: string;
  readonly vendor: string;
  readonly version: string;
}

/**
 * Usage of one experiment on the interval grid. Row `i` is the instant `endSeconds - (length - 1 - i) * stepSeconds`, oldest first.
 * Columns have one value a row; NaN = no sample; an absent column = no sample at all. CPU in cores, memory in bytes, accelerators in percent.
 */
export interface UsageTable {
  readonly endSeconds: number;
  readonly stepSeconds: number;
  readonly length: number;
  /** 1 where any metric of the experiment (JVM info included) has an instant: such a row is an interval (E4). */
  readonly present: Uint8Array;
  readonly columns: Partial<Record<UsageColumn, Float64Array>>;
  readonly jvm?: JvmInfo;
  /** The last row that the series of `jvm` has a sample in; absent where the reader does not tell. */
  readonly jvmLastRow?: number;
  /** `modelName` label of the detected GPU (section 9.1). */
  readonly acceleratorModel?: string;
}
