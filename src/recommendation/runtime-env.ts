import type { EnvEntry } from './recommendations.js';
import type { Layer, Runtime } from './settings.js';
import type { JvmInfo, UsageTable } from './usage-table.js';

/** Input of the runtime settings: recommended cores and bytes before the threshold applies. Undefined = no recommendation. */
export interface RuntimeInput {
  readonly cpuCores: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly jvm: JvmInfo | undefined;
}

interface JvmSize {
  readonly cpuCores: number;
  /** Heap in MiB, rounded up. */
  readonly heap: number;
  /** Major Java version; 0 if no JVM reported one. */
  readonly jdk: number;
}

/** Rules for the garbage collector, as in Kruize; the first that holds applies. */
const hotspotCollectors: readonly { readonly flag: string; readonly holds: (size: JvmSize) => boolean }[] = [
  { flag: '-XX:+UseSerialGC', holds: ({ cpuCores }) => Math.ceil(cpuCores) <= 1 },
  { flag: '-XX:+UseParallelGC', holds: ({ cpuCores, heap }) => Math.ceil(cpuCores) <= 2 && heap <= 4096 },
  { flag: '-XX:+UseZGC', holds: ({ heap, jdk }) => heap >= 4096 && jdk >= 17 },
  { flag: '-XX:+UseShenandoahGC', holds: ({ heap, jdk }) => heap >= 4096 && jdk >= 11 },
  { flag: '-XX:+UseG1GC', holds: () => true },
];

const semeruCollectors: typeof hotspotCollectors = [
  { flag: '-Xgcpolicy:gencon', holds: ({ cpuCores, heap }) => Math.round(cpuCores) < 2 || heap < 4096 },
  { flag: '-Xgcpolicy:balanced', holds: () => true },
];

const collectorsOf = { semeru: semeruCollectors, hotspot: hotspotCollectors } as const;

/**
 * Environment variables for the detected runtimes, by Kruize's rules (design/KruizeLayers.md). All or nothing: returns an empty list if one
 * value cannot be computed. `layers` are the detected layers, `runtimes` the requested runtimes.
 */
export function runtimeEnv(layers: readonly Layer[], runtimes: readonly Runtime[], input: RuntimeInput): readonly EnvEntry[] {
  const found = runtimes.filter((runtime) => layers.includes(runtime));
  // Semeru's collector needs MaxRAMPercentage. Kruize computes it in time only if the container layer was detected.
  if (found.includes('semeru') && !layers.includes('container')) return [];
  const options = jvmOptions(found, input);
  const threads = found.includes('quarkus') ? coreThreads(input) : '';
  if (options === undefined || threads === undefined) return [];
  return [
    { name: 'JDK_JAVA_OPTIONS', value: options },
    { name: 'JAVA_OPTIONS', value: options },
    { name: 'QUARKUS_THREAD_POOL_CORE_THREADS', value: threads },
  ].filter(({ value }) => value !== '');
}

/** JVM options, each followed by a space; `''` without a JVM, undefined if they cannot be computed. */
function jvmOptions(found: readonly Runtime[], { cpuCores, memoryBytes, jvm }: RuntimeInput): string | undefined {
  // The order in which Kruize writes the collectors.
  const present = (['semeru', 'hotspot'] as const).filter((runtime) => found.includes(runtime));
  if (present.length === 0) return '';
  const jdk = present.includes('hotspot') ? majorVersion(jvm) : 0;
  if (cpuCores === undefined || memoryBytes === undefined || jdk === undefined) return undefined;
  const mebibytes = memoryBytes / (1024 * 1024);
  const maxRamPercentage = mebibytes <= 512 ? 50.0 : 80.0;
  const size = { cpuCores, heap: Math.ceil((maxRamPercentage / 100) * mebibytes), jdk };
  const collectors = present.map((runtime) => collectorsOf[runtime].find(({ holds }) => holds(size))!.flag);
  const maxRam = present.map(() => `-XX:MaxRAMPercentage=${maxRamPercentage.toFixed(1)}`);
  return [...maxRam, ...collectors].map((option) => `${option} `).join('');
}

function coreThreads({ cpuCores }: RuntimeInput): string | undefined {
  return cpuCores === undefined ? undefined : String(Math.min(Math.max(Math.ceil(cpuCores), 1), 100));
}

/** Major Java version: `1.8.0` = 8, `17.0.2` = 17, empty = 8, no JVM = 0; undefined if the text does not parse (`21+35`). */
function majorVersion(jvm: JvmInfo | undefined): number | undefined {
  if (!jvm) return 0;
  const { version } = jvm;
  if (version === '') return 8;
  const major = version.startsWith('1.') ? version.charAt(2) : version.split('.', 1)[0]!;
  return /^[+-]?\d+$/.test(major) ? Number(major) : undefined;
}

/**
 * The JVM of a term that starts at `startMs` (Unix milliseconds); undefined if its series ended before. Like all inputs of a model, it must
 * occur in the term's own intervals. If the reader does not report when it last saw the JVM, the JVM counts as present.
 */
export function jvmOfTerm({ jvm, jvmLastRow, endSeconds, stepSeconds, length }: UsageTable, startMs: number): JvmInfo | undefined {
  if (jvm === undefined || jvmLastRow === undefined) return jvm;
  const lastSeconds = endSeconds - (length - 1 - jvmLastRow) * stepSeconds;
  return lastSeconds * 1000 >= startMs ? jvm : undefined;
}
