import type { DatasourceClient } from '../../datasource/datasource-client.js';
import { DatasourceError } from '../../datasource/datasource-error.js';
import type { ContainerExperiment } from '../../experiments/experiment.js';
import { type OwnerReader, type OwnerSource, ownerReaders, planOwnerQuestions } from '../../owners/owner-sources.js';
import { Targets } from '../../owners/places.js';
import { PodOwners } from '../../owners/pod-owners.js';
import type { MetricProfiles } from '../../profiles/metric-profile.js';
import type { UsageTable } from '../../recommendation/usage-table.js';
import type { ChunkQuestion, Grid, SeriesWindows } from '../../remote-read/series-windows.js';
import type { Settings } from '../../settings/settings-schema.js';
import type { PromqlUsageReader } from '../from-promql/promql-usage-reader.js';
import type { TableDraft } from '../table-draft.js';
import { UsageReader, type UsageRequest } from '../usage-reader.js';
import { type ChunkPlan, type PlannedQuestion, planChunkReads } from './plan-chunk-reads.js';
import { QuestionAggregation } from './question-aggregation.js';
import { evaluationGrid } from './subquery-windows.js';

/** A read in progress: the experiments as targets, and the instants of their tables. */
export interface ShardReading {
  readonly request: UsageRequest;
  readonly intervals: Grid;
  readonly targets: Targets;
}

/** The questions of one remote read, in this order: first owners, then usage. */
export interface ChunkQuestions {
  readonly source: OwnerSource;
  readonly ownerQuestions: readonly ChunkQuestion[];
  readonly questions: readonly PlannedQuestion[];
  /** Owners from an earlier read. */
  readonly owners?: PodOwners;
}

/** Aggregates the series of one remote read, which arrive in the order of its questions, and fills the tables question by question. */
export class ReadAggregation {
  readonly owners: PodOwners;
  private readonly readOwner: OwnerReader;
  private open: { readonly question: number; readonly aggregation: QuestionAggregation } | undefined;

  constructor(
    private readonly reading: ShardReading,
    private readonly chunks: ChunkQuestions,
    private readonly grid: Grid,
    private readonly drafts: readonly TableDraft[],
  ) {
    this.owners = chunks.owners ?? new PodOwners(chunks.source === 'rule' ? 'first' : 'by-name');
    this.readOwner = ownerReaders[chunks.source](this.owners);
  }

  add(series: SeriesWindows): void {
    const question = series.question - this.chunks.ownerQuestions.length;
    // Prometheus returns the queries of a request in order, and the join relies on it.
    if (question < (this.open?.question ?? question)) {
      const { name } = this.reading.request.datasource;
      const message = `Datasource ${name} returned the queries of a remote read out of order. Set its usage_reader to promql.`;
      throw new DatasourceError('malformed', message);
    }
    if (question < 0) this.readOwner(series, series.question);
    else this.aggregationOf(question).add(series);
  }

  /** Fills the tables for the last question. */
  finish(): void {
    this.open?.aggregation.fill(this.drafts);
    this.open = undefined;
  }

  private aggregationOf(question: number): QuestionAggregation {
    if (this.open?.question === question) return this.open.aggregation;
    this.finish();
    const { intervals, targets } = this.reading;
    const planned = this.chunks.questions[question]!;
    const owners = targets.areJoined && planned.type === 'container' ? this.owners : undefined;
    const aggregation = new QuestionAggregation(planned, { read: this.grid, intervals }, targets, owners);
    this.open = { question, aggregation };
    return aggregation;
  }
}

/** Dependencies of a ChunkUsageReader. */
export interface ChunkReaderParts {
  readonly client: Pick<DatasourceClient, 'readChunks'>;
  /** Reads what cannot be computed from chunks. */
  readonly promql: PromqlUsageReader;
  readonly profiles: MetricProfiles;
  readonly settings: Pick<Settings, 'USAGE_SCOPE'>;
}

/** A shard that is being read. */
interface ChunkReading extends ShardReading {
  readonly plan: ChunkPlan;
  /** Containers whose pods are joined to workloads; none in scope `container`. */
  readonly joined: readonly ContainerExperiment[];
}

/** Reads a shard's usage with one remote read of raw chunks. At the same time, PromQL reads the queries of unknown shape. */
export class ChunkUsageReader extends UsageReader {
  constructor(private readonly parts: ChunkReaderParts) {
    super();
  }

  override async read(request: UsageRequest, signal?: AbortSignal): Promise<UsageTable[]> {
    const reading = this.begin(request);
    const { covered } = reading.plan;
    const fill = (drafts: readonly TableDraft[], stop: AbortSignal) => this.fill(reading, drafts, stop);
    return this.parts.promql.readBeside({ covers: (question) => covered.has(question), fill }, request, signal);
  }

  private begin(request: UsageRequest): ChunkReading {
    const { metricProfile, stepSeconds, endSeconds, rows } = request;
    const { evaluationMs, boundary, extrapolation } = request.capabilities;
    const scope = this.parts.settings.USAGE_SCOPE;
    const profile = this.parts.profiles.find(metricProfile);
    if (!profile) throw new Error(`There is no metric profile "${metricProfile}". Put its file into CONFIG_DIR/metric-profiles.`);
    const experiments = request.experiments.map((experiment, index) => ({ experiment, index }));
    const containers = request.experiments.filter((experiment) => experiment.type === 'container');
    return {
      request,
      plan: planChunkReads(experiments, { profile, scope, stepSeconds, evaluationMs }),
      intervals: { endMs: endSeconds * 1000, stepMs: stepSeconds * 1000, rows, boundary, ...(extrapolation && { extrapolation }) },
      targets: new Targets(experiments, scope),
      joined: scope === 'workload' ? containers : [],
    };
  }

  /** Pods are joined to workloads as the recording rule says, or as kube-state-metrics says if the rule has none of them; the other way round if the datasource lacks the rule. */
  private async fill(reading: ChunkReading, drafts: readonly TableDraft[], signal: AbortSignal): Promise<void> {
    const sources: OwnerSource[] = ['rule', 'kube-state-metrics'];
    for (const source of reading.request.capabilities.rules.owners ? sources : sources.reverse()) {
      if (await this.fillWith(source, reading, drafts, signal)) return;
    }
  }

  /** Fills all tables. Returns false if the source has no owners for the pods to be joined. */
  private async fillWith(source: OwnerSource, reading: ChunkReading, drafts: readonly TableDraft[], signal: AbortSignal): Promise<boolean> {
    const { plan, joined, intervals } = reading;
    const needsOwners = joined.length > 0 && plan.reachesMs.length > 0;
    const ownerQuestions = needsOwners ? planOwnerQuestions(source, joined, plan.reachesMs) : [];
    const intervalRead = plan.reads.find(({ evaluationMs }) => evaluationMs === undefined);
    const chunks = { source, ownerQuestions, questions: intervalRead?.questions ?? [] };
    const owners = await this.readOnce(reading, chunks, intervals, drafts, signal);
    if (needsOwners && owners.isEmpty) return false;
    for (const { questions, evaluationMs } of plan.reads) {
      if (evaluationMs === undefined) continue;
      const evaluated = evaluationGrid(intervals, maxSubqueryMs(questions), evaluationMs);
      await this.readOnce(reading, { source, ownerQuestions: [], questions, owners }, evaluated, drafts, signal);
    }
    return true;
  }

  /** Sends one remote read: first the owners, unless known: usage is joined to them. Discards the result of an incomplete attempt. */
  private async readOnce(
    reading: ChunkReading,
    chunks: ChunkQuestions,
    grid: Grid,
    drafts: readonly TableDraft[],
    signal: AbortSignal,
  ): Promise<PodOwners> {
    const questions = [...chunks.ownerQuestions, ...chunks.questions.map(({ chunkQuestion }) => chunkQuestion)];
    const { datasource } = reading.request;
    const begin = () => new ReadAggregation(reading, chunks, grid, drafts);
    let aggregation = begin();
    if (questions.length === 0) return aggregation.owners;
    const beginAgain = () => {
      aggregation = begin();
    };
    await this.parts.client.readChunks(datasource, questions, grid, (series) => aggregation.add(series), signal, beginAgain);
    aggregation.finish();
    return aggregation.owners;
  }
}

function maxSubqueryMs(questions: readonly PlannedQuestion[]): number {
  const subqueries = questions.flatMap(({ channels }) =>
    channels.flatMap(({ perSeries, readings }) => [perSeries, ...readings.map(({ afterwards }) => afterwards)]),
  );
  return Math.max(...subqueries.map((subquery) => subquery?.rangeMs ?? 0));
}
