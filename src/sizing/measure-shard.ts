import { setImmediate as breathe } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DatasourceError, type DatasourceFailure } from '../datasource/datasource-error.js';
import type { Experiment } from '../experiments/experiment.js';
import { packRecommendation } from '../experiments/experiment-rows.js';
import { recommend } from '../recommendation/recommend.js';
import { describeExperiment } from '../recommendation/recommendations.js';
import type { Evidence, Layer } from '../recommendation/settings.js';
import type { UsageTable } from '../recommendation/usage-table.js';
import { logOf } from '../settings/logger.js';
import { giveTables } from '../usage/columns.js';
import { EvidenceReader } from '../usage/evidence-reader.js';
import { LayerDetector } from '../usage/layer-detector.js';
import { UsageReader } from '../usage/usage-reader.js';
import { longestDays, type ResolvedRequest, resolveRequest, usageRows } from './bulk-request.js';
import { experimentNotifications } from './notifications.js';
import type { PlannedExperiment } from './plan-experiments.js';
import type { Measurement, MeasureTask } from './sizer.js';

/** What the datasource showed of an experiment. */
export interface SeenExperiment {
  readonly usage: UsageTable;
  readonly layers: readonly Layer[];
  readonly evidence: Evidence;
}

/** The generateRecommendations array of one experiment, rendered once: the bytes that are stored, served and sent. */
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

/** Failures that only this read provokes, not the datasource: a smaller read may succeed, and those of other experiments. */
const failuresOfTheRead: readonly DatasourceFailure[] = ['too-large', 'refused-query', 'malformed'];

/** Reads the usage of experiments and computes their recommendations; lives in a thread of its own. */
@Injectable()
export class Measurer {
  constructor(
    private readonly reader: UsageReader,
    private readonly layers: LayerDetector,
    private readonly evidence: EvidenceReader,
  ) {}

  /** Measurements in the order of the experiments; those that are too much for one question are asked in halves. Rejects with a DatasourceError, or when the signal fires. */
  async measure(task: MeasureTask, signal: AbortSignal): Promise<Measurement[]> {
    const request = resolveRequest(task.request);
    const { experiments } = task;
    signal.throwIfAborted();
    try {
      const { datasource, endSeconds } = task;
      const [tables, layers, evidence] = await Promise.all([
        this.read(task, request, signal),
        this.layers.detect({ datasource, experiments, atSeconds: endSeconds }, signal),
        this.evidence.read({ datasource, experiments, endSeconds, days: longestDays(request.terms), extras: request.extras }, signal),
      ]);
      const seen = tables.map((usage, index) => ({ usage, layers: layers[index], evidence: evidence[index] }));
      const measurements = await recommendAll(request, experiments, seen, signal);
      giveTables(tables);
      return measurements;
    } catch (reason) {
      if (!(reason instanceof DatasourceError) || !failuresOfTheRead.includes(reason.failure)) throw reason;
      if (experiments.length === 1) return [failed(reason)];
      const half = experiments.length >> 1;
      log.debug({ jobId: task.jobId, experiments: half, error: reason.message }, 'a shard is halved');
      const first = await this.measure({ ...task, experiments: experiments.slice(0, half) }, signal);
      return [...first, ...(await this.measure({ ...task, experiments: experiments.slice(half) }, signal))];
    }
  }

  private read(task: MeasureTask, request: ResolvedRequest, signal: AbortSignal): Promise<UsageTable[]> {
    const { datasource, experiments, endSeconds } = task;
    const wanted = {
      datasource,
      metricProfile: request.metricProfile,
      experiments,
      endSeconds,
      stepSeconds: request.measurementSeconds,
      rows: usageRows(request),
      dropsInactive: request.timeRange === undefined,
      refresh: task.request.refresh ?? false,
    };
    return this.reader.read(wanted, signal);
  }
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
        'an experiment cannot be computed',
      );
      measurements.push(failed(reason));
    }
    await breathe();
  }
  return measurements;
}

function failed(reason: unknown): Measurement {
  return { status: 'FAILED', notifications: experimentNotifications.failure(reason) };
}
