import type { EnvEntry } from './recommendations.js';
import type { Layer, Runtime } from './settings.js';
import type { JvmInfo, UsageTable } from './usage-table.js';

/** What runtime settings are made from: the recommended cores and bytes before the threshold step; absent = no recommendation. */
export interface RuntimeInput {
  readonly cpuCores: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly jvm: JvmInfo | undefined;
}

interface JvmSize {
  readonly cpuCores: number;
  /** Heap in MiB, rounded up. */
  readonly heap: number;
  /** Major version; 0 where no JVM told one. */
  readonly jdk: number;
}

/** The first rule that holds names the garbage collector (recommendations.md 10.2). */
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

/** JVMs in the order in which the reference writes their collectors. */
const jvms = {
  semeru: { collectors: semeruCollectors, readsVersion: false },
  hotspot: { collectors: hotspotCollectors, readsVersion: true },
} as const satisfies Partial<Record<Runtime, object>>;

/**
 * Environment variables for the detected runtimes (recommendations.md 10). All or nothing: where one value cannot be computed, nothing is told.
 * `layers` are those detected, `runtimes` those that are wanted.
 */
export function runtimeEnv(layers: readonly Layer[], runtimes: readonly Runtime[], input: RuntimeInput): readonly EnvEntry[] {
  const found = runtimes.filter((runtime) => layers.includes(runtime));
  // Semeru's collector needs MaxRAMPercentage, which the reference computes in time only where the container layer is there (E22).
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

/** Options with a blank after each, `''` without a JVM, undefined where they cannot be computed. */
function jvmOptions(found: readonly Runtime[], { cpuCores, memoryBytes, jvm }: RuntimeInput): string | undefined {
  const present = (['semeru', 'hotspot'] as const).filter((runtime) => found.includes(runtime));
  if (present.length === 0) return '';
  const jdk = present.some((runtime) => jvms[runtime].readsVersion) ? majorVersion(jvm) : 0;
  if (cpuCores === undefined || memoryBytes === undefined || jdk === undefined) return undefined;
  const mebibytes = memoryBytes / (1024 * 1024);
  const maxRamPercentage = mebibytes <= 512 ? 50.0 : 80.0;
  const size = { cpuCores, heap: Math.ceil((maxRamPercentage / 100) * mebibytes), jdk };
  const collectors = present.map((runtime) => jvms[runtime].collectors.find(({ holds }) => holds(size))!.flag);
  const maxRam = present.map(() => `-XX:MaxRAMPercentage=${maxRamPercentage.toFixed(1)}`);
  return [...maxRam, ...collectors].map((option) => `${option} `).join('');
}

function coreThreads({ cpuCores }: RuntimeInput): string | undefined {
  return cpuCores === undefined ? undefined : String(Math.min(Math.max(Math.ceil(cpuCores), 1), 100));
}

/** Major Java version: `1.8.0` = 8, `17.0.2` = 17, empty = 8, no JVM = 0; undefined where the text holds none (`21+35`). */
function majorVersion(jvm: JvmInfo | undefined): number | undefined {
  if (!jvm) return 0;
  const { version } = jvm;
  if (version === '') return 8;
  const major = version.startsWith('1.') ? version.charAt(2) : version.split('.', 1)[0]!;
  return /^[+-]?\d+$/.test(major) ? Number(major) : undefined;
}

/**
 * The JVM of a term that begins at `startMs` (Unix milliseconds): none where its series ended before. Like everything that a model is made from it
 * is looked for in the intervals of the term alone (recommendations.md 10.2). A reader that does not tell when it was last seen saw it just now.
 */
export function jvmOfTerm({ jvm, jvmLastRow, endSeconds, stepSeconds, length }: UsageTable, startMs: number): JvmInfo | undefined {
  if (jvm === undefined || jvmLastRow === undefined) return jvm;
  const lastSeconds = endSeconds - (length - 1 - jvmLastRow) * stepSeconds;
  return lastSeconds * 1000 >= startMs ? jvm : undefined;
}
