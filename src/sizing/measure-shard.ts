import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { runTogether } from '../calls/abort.js';
import { DatasourceError, type DatasourceFailure } from '../datasource/datasource-error.js';
import { packRecommendation } from '../experiments/documents.js';
import type { Experiment } from '../experiments/experiment.js';
import { recommend } from '../recommendation/recommend.js';
import { describeExperiment } from '../recommendation/recommendations.js';
import type { Evidence, Layer } from '../recommendation/settings.js';
import type { UsageTable } from '../recommendation/usage-table.js';
import { logOf } from '../settings/logger.js';
import { TaskWindows } from '../usage/cache/copy-rows.js';
import type { EvidenceReader } from '../usage/evidence-reader.js';
import type { LayerDetector } from '../usage/layer-detector.js';
import { giveTables } from '../usage/table-draft.js';
import type { UsageReader, UsageRequest } from '../usage/usage-reader.js';
import { maxTermDays, type ResolvedRequest, usageRows } from './bulk-request.js';
import { experimentNotifications } from './notifications.js';
import type { PlannedExperiment } from './plan-experiments.js';
import type { Measured, Measurement, MeasureTask } from './sizer.js';

/** What was read of an experiment. */
export interface SeenExperiment {
  readonly usage: UsageTable;
  readonly layers: readonly Layer[];
  readonly evidence: Evidence;
}

/** Renders the generateRecommendations array of one experiment: the bytes that are stored, served and sent. */
export function recommendExperiment(experiment: Experiment, seen: SeenExperiment, request: ResolvedRequest): Buffer {
  const settings = {
    experimentType: experiment.type,
    measurementDurationMinutes: request.measurementSeconds / 60,
    threshold: request.threshold,
    terms: request.terms,
    models: request.models,
    layers: seen.layers,
    plots: true,
    types: request.types,
    extras: request.extras,
  };
  const recommendations = recommend(seen.usage, settings, seen.evidence);
  return packRecommendation(JSON.stringify([describeExperiment(experiment, recommendations)]));
}

const log = logOf('bulk');

/** Failures caused by this read, not by the state of the datasource: smaller reads or other experiments may succeed. */
const failuresOfTheRead: readonly DatasourceFailure[] = ['too-large', 'refused-query', 'malformed'];

/** The readers for a shard. */
export interface ShardReaders {
  readonly usage: UsageReader;
  readonly layers: LayerDetector;
  readonly evidence: EvidenceReader;
}

/** Reads a shard's usage and computes its recommendations. Rejects with a DatasourceError, or with the signal's reason. */
export async function measureShard(readers: ShardReaders, task: MeasureTask, signal: AbortSignal): Promise<Measured> {
  const windows = task.windows && new TaskWindows(task.windows);
  let brokenChunks: string | undefined;
  const onBrokenChunks = (reason: string) => {
    brokenChunks = reason;
  };
  const measurements = await measureExperiments(readers, { ...task, shared: { windows, onBrokenChunks } }, signal);
  const writes = windows?.writes();
  const { stored, memory } = task.windows ?? {};
  const unused = [stored?.buffer, memory].filter((buffer) => buffer !== undefined && buffer !== writes?.copy.buffer);
  return { measurements, writes, memory: unused as SharedArrayBuffer[], ...(brokenChunks !== undefined && { brokenChunks }) };
}

/** A task or one of its halves; `shared` is the same for all of them. */
type RunningTask = MeasureTask & { readonly shared: Pick<UsageRequest, 'windows' | 'onBrokenChunks'> };

/** Returns measurements in the order of the experiments. If one read is too large, reads the experiments in halves. */
async function measureExperiments(readers: ShardReaders, task: RunningTask, signal: AbortSignal): Promise<Measurement[]> {
  const { request, experiments } = task;
  signal.throwIfAborted();
  try {
    const seen = await readShard(readers, task, signal);
    const measurements = await recommendAll(request, experiments, seen, signal);
    giveTables(seen.map(({ usage }) => usage));
    return measurements;
  } catch (reason) {
    if (!(reason instanceof DatasourceError) || !failuresOfTheRead.includes(reason.failure)) throw reason;
    if (experiments.length === 1) return [failed(reason)];
    const half = experiments.length >> 1;
    log.debug({ jobId: task.jobId, experiments: half, error: reason.message }, 'a read of a shard is halved');
    const first = await measureExperiments(readers, { ...task, experiments: experiments.slice(0, half) }, signal);
    return [...first, ...(await measureExperiments(readers, { ...task, experiments: experiments.slice(half) }, signal))];
  }
}

async function readShard({ usage, layers, evidence }: ShardReaders, task: RunningTask, signal: AbortSignal): Promise<SeenExperiment[]> {
  const { request, experiments, datasource, endSeconds } = task;
  const evidenceRequest = { datasource, experiments, endSeconds, days: maxTermDays(request.terms), extras: request.extras };
  const [tables, layersFound, evidenceFound] = await runTogether(
    [
      (stop) => usage.read({ ...usageRequestOf(task), ...task.shared }, stop),
      (stop) => layers.detect({ datasource, experiments, atSeconds: endSeconds }, stop),
      (stop) => evidence.read(evidenceRequest, stop),
    ],
    signal,
  );
  return tables.map((table, index) => ({ usage: table, layers: layersFound[index]!, evidence: evidenceFound[index]! }));
}

/** The usage request of a task. */
export function usageRequestOf(task: Omit<MeasureTask, 'windows' | 'jobId'>): Omit<UsageRequest, 'windows' | 'onBrokenChunks'> {
  const { request, datasource, capabilities, metricProfile, experiments, endSeconds } = task;
  return {
    datasource,
    capabilities,
    metricProfile,
    experiments,
    endSeconds,
    stepSeconds: request.measurementSeconds,
    rows: usageRows(request),
    dropsInactive: request.timeRange === undefined,
    refresh: request.refresh,
  };
}

async function recommendAll(
  request: ResolvedRequest,
  experiments: readonly PlannedExperiment[],
  seen: readonly SeenExperiment[],
  signal: AbortSignal,
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const [index, experiment] of experiments.entries()) {
    signal.throwIfAborted();
    try {
      measurements.push({
        status: 'PROCESSED',
        recommendation: recommendExperiment(experiment, seen[index], request),
      });
    } catch (reason) {
      log.error(
        { experiment: experiment.name, error: reason instanceof Error ? reason.stack : String(reason) },
        'cannot compute an experiment',
      );
      measurements.push(failed(reason));
    }
    await yieldToEvents();
  }
  return measurements;
}

function failed(reason: unknown): Measurement {
  return { status: 'FAILED', notifications: experimentNotifications.failure(reason) };
}
