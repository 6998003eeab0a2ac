import { z } from 'zod';
import { SharedWork } from '../calls/abort.js';
import type { Grid } from '../remote-read/series-windows.js';
import { logOf } from '../settings/logger.js';
import type { Datasource, UsageReaderName } from './datasource.js';
import type { DatasourceClient, PrometheusAnswer, PrometheusSeries } from './datasource-client.js';
import { DatasourceError, type DatasourceFailure } from './datasource-error.js';
import { type DatasourceHttp, readBytes } from './datasource-http.js';

/** The reader for a datasource's usage, and why it was chosen (text for people). */
export interface ReaderChoice {
  readonly used: 'chunks' | 'promql';
  readonly reason: string;
}

/** The outcome of a probing remote read; `undefined` = it returned chunks. */
export type RemoteReadFailure = { readonly failure: DatasourceFailure; readonly message: string } | undefined;

/** Chooses the reader: the one in the datasource's entry, or else chunks if remote read returns them. */
export function chooseReader(configured: UsageReaderName, failure: RemoteReadFailure): ReaderChoice {
  if (configured !== 'auto') return { used: configured, reason: `its entry sets usage_reader: ${configured}` };
  if (!failure) return { used: 'chunks', reason: 'remote read returns chunks' };
  return { used: 'promql', reason: `no chunks by remote read: ${failure.message}` };
}

/** Failures that show nothing about remote read: the datasource as a whole is unreachable or overloaded, or the read was cancelled. */
const generalFailures: readonly DatasourceFailure[] = ['unreachable', 'timeout', 'too-many-requests', 'cancelled'];

/** Whether a failed remote read shows that remote read is not available to us, while PromQL may still work. */
export function showsNoRemoteRead(failure: DatasourceFailure): boolean {
  return !generalFailures.includes(failure);
}

/** Failures that show that promised chunks are not delivered, while PromQL may still work. */
const brokenChunkFailures: readonly DatasourceFailure[] = ['malformed', 'not-json', 'refused-query', 'refused-credentials'];

/** Whether a failed remote read shows that a datasource does not deliver chunks although its probe did. */
export function showsBrokenChunks(failure: DatasourceFailure): boolean {
  return brokenChunkFailures.includes(failure);
}

/** How a datasource evaluates PromQL, so that the same results can be computed from its samples. */
export interface ServerFacts extends Pick<Grid, 'boundary' | 'extrapolation'> {
  /** Default step of subqueries: the evaluation interval. */
  readonly evaluationMs: number;
}

/** The last full hour, in Unix seconds: the instant for factsQuery. */
export function factsInstant(nowMs: number): number {
  return Math.floor(nowMs / 3_600_000) * 3_600;
}

/**
 * A query that shows how a server evaluates. It tests behaviour, because Mimir and others number their versions differently. Its series are
 * `boundary`: the number of steps in a window of one step; `steps`: the number of steps in an hour; `extrapolation`: the increase of a counter that starts at
 * 40, grows by 1 per second and has its first sample in the middle of the window. Pass the result to readServerFacts.
 */
export function factsQuery(instantSeconds: number): string {
  const counter = `(vector(time()) - ${instantSeconds - 340}) >= 40`;
  return [
    'label_replace(count_over_time(vector(1)[1m:1m]), "fact", "boundary", "", "")',
    'label_replace(count_over_time(vector(1)[1h:]), "fact", "steps", "", "")',
    `label_replace(increase((${counter})[10m:1m]), "fact", "extrapolation", "", "")`,
  ].join(' or ');
}

/**
 * Reads the result of factsQuery. Before Prometheus 3 a window includes its start, so a window of one step holds two instants. The increase of the
 * counter is extrapolated to the point where the counter would be zero, 40 s before its first sample (before Prometheus 2.52: 340), or by half a step
 * (330). Evaluation intervals are whole seconds. Missing facts default to those of Prometheus in the reported version.
 */
export function readServerFacts(series: readonly Pick<PrometheusSeries, 'labels' | 'samples'>[], version = '2'): ServerFacts {
  const factOf = (fact: string) => Number(series.find(({ labels }) => labels.fact === fact)?.samples[0]?.[1]);
  const inOneStep = factOf('boundary');
  const isClosed = Number.isNaN(inOneStep) ? Number.parseInt(version, 10) < 3 : inOneStep > 1;
  const stepsPerHour = factOf('steps') - (isClosed ? 1 : 0);
  const increase = factOf('extrapolation');
  return {
    boundary: isClosed ? 'closed' : 'left-open',
    ...(increase > 0 && { extrapolation: increase > 335 ? 'zero-first' : 'threshold-first' }),
    evaluationMs: stepsPerHour > 0 ? Math.max(1, Math.round(3_600 / stepsPerHour)) * 1_000 : 60_000,
  };
}

const log = logOf('datasource');

/** Recording rules of kube-prometheus that are used for usage if a datasource has them. */
export const recordingRules = {
  /** CPU usage of each container. */
  cpu: 'node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate',
  /** The workload that a pod belongs to. */
  owners: 'namespace_workload_pod:kube_pod_owner:relabel',
} as const;
export type RecordingRule = keyof typeof recordingRules;

/** What a datasource supports. Plain data: it is probed once per process and travels with each task. */
export interface Capabilities extends ReaderChoice, ServerFacts {
  /** Version that the server reports, if any. */
  readonly version?: string;
  /** Which recording rules had series in the 15 days before the probed instant. */
  readonly rules: Readonly<Record<RecordingRule, boolean>>;
}

interface Probe {
  readonly found: SharedWork<Capabilities>;
  untilMs: number;
}

const keepMs = 600_000;
/** Used if the remote read failed without showing that it is not supported. */
const keepUncertainMs = 30_000;
const maxVersionWaitMs = 5_000;
const maxBuildInfoBytes = 100_000;
/** Searches for rules without a sample at the instant itself: step and number of steps, which cover the longest default term. */
const ruleSearchStepSeconds = 6 * 3600;
const ruleSearchSteps = 60;
const daySeconds = 86_400;

const buildInfoSchema = z.object({ data: z.object({ version: z.string() }) });

/**
 * Datasources whose chunks turned out to be broken, for ten minutes each. The main thread has one in its CapabilityCache. Each thread has its own, so
 * that its next reads use PromQL even if the task that found out fails and cannot report it.
 */
export class BrokenChunks {
  private readonly known = new Map<string, { readonly reason: string; readonly untilMs: number }>();

  add(datasource: string, reason: string): void {
    this.known.set(datasource, { reason, untilMs: Date.now() + keepMs });
  }

  /** Why the chunks of a datasource are not read; undefined if they are. */
  reasonFor(datasource: string): string | undefined {
    const known = this.known.get(datasource);
    return known && Date.now() < known.untilMs ? known.reason : undefined;
  }
}

/** Probes what datasources support, on first use and again every ten minutes. */
export class CapabilityCache {
  /** By datasource, then by the day of the probed instant. */
  private readonly probes = new Map<string, Map<number, Probe>>();
  private readonly broken = new BrokenChunks();

  constructor(
    private readonly client: DatasourceClient,
    private readonly http: DatasourceHttp,
  ) {}

  /** The capabilities for usage that ends at an instant (default: now), in Unix seconds. Rejects with a DatasourceError if the datasource cannot be queried at all. */
  async of(datasource: Datasource, signal?: AbortSignal, atSeconds = Math.floor(Date.now() / 1000)): Promise<Capabilities> {
    const capabilities = await this.probed(datasource, atSeconds, signal);
    const reason = this.broken.reasonFor(datasource.name);
    return reason === undefined ? capabilities : { ...capabilities, used: 'promql', reason };
  }

  /** When a datasource last responded to a probe, in ms of performance.now(). */
  lastAnswerAt(datasource: string): number | undefined {
    return this.http.lastAnswerAt(datasource);
  }

  /** Reads a datasource by PromQL for ten minutes, because it did not deliver chunks although its probe did. */
  demote(datasource: string, reason: string): void {
    log.warn({ datasource, reason }, 'datasource is read by PromQL for ten minutes');
    this.broken.add(datasource, reason);
  }

  private probed(datasource: Datasource, atSeconds: number, signal?: AbortSignal): Promise<Capabilities> {
    const days = this.probes.get(datasource.name) ?? new Map<number, Probe>();
    this.probes.set(datasource.name, days);
    for (const [day, { untilMs }] of days) if (Date.now() >= untilMs) days.delete(day);
    const day = Math.floor(atSeconds / daySeconds);
    const known = days.get(day);
    if (known) return known.found.wait(signal);
    const markUncertain = () => {
      probe.untilMs = Date.now() + keepUncertainMs;
    };
    const found = new SharedWork((stop) => this.probe(datasource, atSeconds, markUncertain, stop));
    const probe: Probe = { found, untilMs: Date.now() + keepMs };
    days.set(day, probe);
    found.result.catch(() => days.get(day) === probe && days.delete(day));
    return found.wait(signal);
  }

  private async probe(datasource: Datasource, atSeconds: number, markUncertain: () => void, signal: AbortSignal): Promise<Capabilities> {
    const configured = datasource.usageReader ?? 'auto';
    const [failure, version, rules] = await Promise.all([
      configured === 'auto' ? this.tryRemoteRead(datasource, signal) : undefined,
      this.readVersion(datasource, signal),
      this.findRules(datasource, atSeconds, markUncertain, signal),
    ]);
    const choice = chooseReader(configured, failure);
    const facts = await this.readFacts(datasource, choice, version, signal);
    log.info({ datasource: datasource.name, reader: choice.used, version, reason: choice.reason, rules }, 'datasource probed');
    if (failure?.failure === 'unavailable') markUncertain();
    return { ...choice, ...facts, ...(version !== undefined && { version }), rules };
  }

  /** Reads one minute of `up`. The series need not exist: only the type of the response matters. */
  private async tryRemoteRead(datasource: Datasource, signal: AbortSignal): Promise<RemoteReadFailure> {
    const question = {
      matchers: [{ type: '=', name: '__name__', value: 'up' }],
      windows: [{ function: 'instant', rangeMs: 60_000 }],
    } as const;
    const grid = { endMs: Date.now(), stepMs: 60_000, rows: 1, boundary: 'closed' } as const;
    try {
      await this.client.readChunks(datasource, [question], grid, () => undefined, signal);
      return undefined;
    } catch (error) {
      if (!(error instanceof DatasourceError) || !showsNoRemoteRead(error.failure)) throw error;
      return { failure: error.failure, message: error.message };
    }
  }

  /** Only reading from chunks needs the facts, so PromQL gets the defaults. */
  private async readFacts(
    datasource: Datasource,
    { used }: ReaderChoice,
    version: string | undefined,
    signal: AbortSignal,
  ): Promise<ServerFacts> {
    if (used === 'promql') return readServerFacts([], version);
    const timeSeconds = factsInstant(Date.now());
    const { series } = await this.client.query(datasource, { query: factsQuery(timeSeconds), timeSeconds }, signal);
    return readServerFacts(series, version);
  }

  /** The rules with series at the instant, or else in the 15 days before it. All rules, if the datasource rejects the query: the job's own queries will report why. */
  private async findRules(
    datasource: Datasource,
    atSeconds: number,
    markUncertain: () => void,
    signal: AbortSignal,
  ): Promise<Capabilities['rules']> {
    const names = Object.keys(recordingRules) as RecordingRule[];
    try {
      const found = rulesIn(await this.client.query(datasource, { query: rulesQuery(names), timeSeconds: atSeconds }, signal));
      const missing = names.filter((name) => !found.includes(name));
      if (missing.length > 0) {
        const startSeconds = atSeconds - ruleSearchSteps * ruleSearchStepSeconds;
        const range = { query: rulesQuery(missing), startSeconds, endSeconds: atSeconds, stepSeconds: ruleSearchStepSeconds };
        found.push(...rulesIn(await this.client.queryRange(datasource, range, signal)));
      }
      return { cpu: found.includes('cpu'), owners: found.includes('owners') };
    } catch (error) {
      if (!(error instanceof DatasourceError) || !rejections.includes(error.failure)) throw error;
      markUncertain();
      return { cpu: true, owners: true };
    }
  }

  /** For people only, so it waits at most 5 s and may return undefined. */
  private async readVersion(datasource: Datasource, signal: AbortSignal): Promise<string | undefined> {
    const request = { method: 'get', path: '/api/v1/status/buildinfo', body: '', headers: { accept: 'application/json' } } as const;
    const read = async (body: Parameters<typeof readBytes>[0]) => (await readBytes(body, maxBuildInfoBytes)).bytes;
    try {
      const bytes = await this.http.post(datasource, request, read, AbortSignal.any([signal, AbortSignal.timeout(maxVersionWaitMs)]));
      return buildInfoSchema.parse(JSON.parse(bytes.toString('utf8'))).data.version;
    } catch {
      return undefined;
    }
  }
}

/** Failures that last: the datasource does not accept the query for rules. */
const rejections: readonly DatasourceFailure[] = ['refused-query', 'refused-credentials', 'not-json'];

/** Looks back 15 minutes: series may have samples less often than every five minutes, the look-back of a plain selector. */
function rulesQuery(names: readonly RecordingRule[]): string {
  const queryOf = (name: RecordingRule) => `group(last_over_time(${recordingRules[name]}[15m]))`;
  return names.map((name) => `label_replace(${queryOf(name)}, "rule", "${name}", "", "")`).join(' or ');
}

function rulesIn({ series }: PrometheusAnswer): RecordingRule[] {
  return series.flatMap(({ labels: { rule } }) => (rule === 'cpu' || rule === 'owners' ? [rule] : []));
}
