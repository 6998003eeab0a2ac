import { runTogether } from '../../calls/abort.js';
import type { PrometheusSeries } from '../../datasource/datasource-client.js';
import { type PlacedExperiment } from '../../owners/places.js';
import { MetricProfiles } from '../../profiles/metric-profile.js';
import type { UsageColumn, UsageTable } from '../../recommendation/usage-table.js';
import { logOf } from '../../settings/logger.js';
import type { Settings } from '../../settings/settings-schema.js';
import { attachAccelerator, detectAccelerator, rowOf, TableDraft } from '../table-draft.js';
import { acceleratorQuestions, activityQuestion, type UsageQuestion } from '../usage-questions.js';
import { UsageReader, type UsageRequest } from '../usage-reader.js';
import {
  activityQuery,
  type PlanContext,
  type PlannedQuery,
  planProbe,
  planQuery,
  planQuestion,
  planUsageQueries,
  type UsagePlan,
} from './plan-usage-queries.js';
import { groupSeries, PlannedQueries } from './planned-queries.js';

/**
 * Writes the result of one query into the tables (by the experiment's index in the request). Reads the first of several series of an
 * experiment, as Kruize does. Every instant with a number makes its row an interval; NaN and infinities count as missing.
 */
export function fillUsageTables(drafts: readonly TableDraft[], planned: PlannedQuery, result: readonly PrometheusSeries[]): void {
  for (const [index, [first]] of groupSeries(planned, result)) {
    const draft = drafts[index]!;
    fillColumn(draft, planned.question.column, first!);
    const { variable } = planned.question;
    const { labels, samples } = first!;
    if (variable.startsWith('jvm')) draft.setJvm(variable, labels, () => rowOf(draft.grid, samples.at(-1)![0]));
  }
}

function fillColumn(draft: TableDraft, name: UsageColumn | undefined, { samples }: PrometheusSeries): void {
  let column: Float64Array | undefined;
  for (const [seconds, text] of samples) {
    const value = Number(text);
    const row = rowOf(draft.grid, seconds);
    if (!Number.isFinite(value) || row < 0) continue;
    draft.present[row] = 1;
    if (name === undefined) continue;
    column ??= draft.columnOf(name);
    column[row] = value;
  }
}

const log = logOf('usage');

/** A read in progress: its request, and the tables so far. */
interface Reading {
  readonly request: UsageRequest;
  readonly context: PlanContext;
  readonly drafts: readonly TableDraft[];
  readonly signal?: AbortSignal;
}

/** Another source of usage that fills the same tables at the same time. */
export interface OtherSource {
  /** Whether the source covers the question, so that PromQL need not. */
  readonly covers: (question: UsageQuestion) => boolean;
  readonly fill: (drafts: readonly TableDraft[], signal: AbortSignal) => Promise<void>;
}

const noOtherSource: OtherSource = { covers: () => false, fill: async () => undefined };

/** Reads the usage of a shard with one range query for each variable and function, whatever the number of experiments. */
export class PromqlUsageReader extends UsageReader {
  private readonly logged = new Set<string>();

  constructor(
    private readonly queries: PlannedQueries,
    private readonly profiles: MetricProfiles,
    private readonly settings: Settings,
  ) {
    super();
  }

  override read(request: UsageRequest, signal?: AbortSignal): Promise<UsageTable[]> {
    return this.readBeside(noOtherSource, request, signal);
  }

  /** Like `read`, but another source covers some questions at the same time. Accelerators and activity are always read here. */
  async readBeside(other: OtherSource, request: UsageRequest, signal?: AbortSignal): Promise<UsageTable[]> {
    const reading = this.begin(request, signal);
    let accelerators = new Map<number, PrometheusSeries[]>();
    const tasks = [
      (stop: AbortSignal) => other.fill(reading.drafts, stop),
      (stop: AbortSignal) => this.fill(reading, other, stop),
      async (stop: AbortSignal) => {
        accelerators = await this.readAcceleratorMemory(reading, stop);
      },
    ];
    await runTogether(tasks, signal);
    if (request.dropsInactive) await this.dropInactive(reading);
    await this.attachAccelerators(reading, accelerators);
    return reading.drafts.map((draft) => draft.finish());
  }

  private begin(request: UsageRequest, signal?: AbortSignal): Reading {
    const profile = this.profiles.find(request.metricProfile);
    if (!profile) throw new Error(`There is no metric profile "${request.metricProfile}". Put its file into CONFIG_DIR/metric-profiles.`);
    const context = { profile, scope: this.settings.USAGE_SCOPE, stepSeconds: request.stepSeconds };
    return { request, context, drafts: request.experiments.map(() => new TableDraft(request)), ...(signal && { signal }) };
  }

  private async fill({ request, context, drafts }: Reading, { covers }: OtherSource, signal: AbortSignal): Promise<void> {
    const plans = planUsageQueries(request.experiments, context, (question) => !covers(question));
    const tasks = plans.map((plan) => async (stop: AbortSignal) => {
      if (await this.hasNoSeries(planProbe(plan.question, plan.experiments, context), request, stop)) return;
      // Writes each result into the tables as soon as it arrives, then drops it: all results together are much larger than the tables.
      const queries = this.logUnbatched(plan, context).queries.map((planned) => async (stopQuery: AbortSignal) => {
        fillUsageTables(drafts, planned, await this.queries.queryRange(request.datasource, planned, request, stopQuery));
      });
      await runTogether(queries, stop);
    });
    await runTogether(tasks, signal);
  }

  /** Empties the tables of containers without CPU activity for 15 days. Queries activity only for those with no sample above zero. */
  private async dropInactive({ request, context, drafts, signal }: Reading): Promise<void> {
    const idle = containersOf(request).filter(({ index }) => !drafts[index]!.hasActivity('cpuUsage.avg'));
    const maxDate = context.profile.variables.get(activityQuestion.variable)?.queries[activityQuestion.function];
    if (maxDate === undefined) return;
    const { queries } = planQuery(activityQuery(maxDate), activityQuestion, idle, context);
    const tasks = queries.map((planned) => async (stop: AbortSignal) => {
      const series = await this.queries.queryInstant(request.datasource, planned, request.endSeconds, stop);
      return [...groupSeries(planned, series).keys()];
    });
    const activeIndexes = new Set((await runTogether(tasks, signal)).flat());
    for (const { index } of idle) if (!activeIndexes.has(index)) drafts[index]!.clear();
  }

  /** Whether the probe of a question finds no series, so that the question can be skipped. */
  private async hasNoSeries(probe: readonly PlannedQuery[], request: UsageRequest, signal?: AbortSignal): Promise<boolean> {
    if (probe.length === 0) return false;
    const tasks = probe.map((planned) => (stop: AbortSignal) => this.queries.queryRange(request.datasource, planned, request, stop));
    return (await runTogether(tasks, signal)).every((series) => series.length === 0);
  }

  /** Series of accelerator memory by the experiment's index in the request. They show which containers have an accelerator. */
  private async readAcceleratorMemory({ request, context }: Reading, signal: AbortSignal): Promise<Map<number, PrometheusSeries[]>> {
    const containers = containersOf(request);
    if (await this.hasNoSeries(planProbe(acceleratorQuestions.memory, containers, context), request, signal)) return new Map();
    return this.readAccelerator(acceleratorQuestions.memory, containers, { request, context }, signal);
  }

  /** Series of an accelerator metric by the experiment's index in the request. */
  private async readAccelerator(
    question: UsageQuestion,
    containers: readonly PlacedExperiment[],
    { request, context }: Pick<Reading, 'request' | 'context'>,
    signal?: AbortSignal,
  ): Promise<Map<number, PrometheusSeries[]>> {
    const { queries } = this.logUnbatched(planQuestion(question, containers, context), context);
    const tasks = queries.map((planned) => async (stop: AbortSignal) => {
      return [...groupSeries(planned, await this.queries.queryRange(request.datasource, planned, request, stop))];
    });
    return new Map((await runTogether(tasks, signal)).flat());
  }

  private async attachAccelerators(reading: Reading, memory: ReadonlyMap<number, PrometheusSeries[]>): Promise<void> {
    for (const [index, series] of memory) {
      const draft = reading.drafts[index]!;
      const model = draft.present.includes(1) ? detectAccelerator(series) : undefined;
      if (model !== undefined) draft.acceleratorModel = model;
    }
    const detected = new Set([...memory.keys()].filter((index) => reading.drafts[index]!.acceleratorModel !== undefined));
    if (detected.size === 0) return;
    const containers = containersOf(reading.request).filter(({ index }) => detected.has(index));
    const core = await this.readAccelerator(acceleratorQuestions.core, containers, reading, reading.signal);
    for (const index of detected) {
      const draft = reading.drafts[index]!;
      attachAccelerator(draft, acceleratorQuestions.core.column, core.get(index) ?? []);
      attachAccelerator(draft, acceleratorQuestions.memory.column, memory.get(index) ?? []);
    }
  }

  /** Logs, once per process, the queries of a profile that must be sent per experiment. */
  private logUnbatched(plan: UsagePlan, { profile }: PlanContext): UsagePlan {
    for (const { variable, function: name } of plan.unbatched) {
      const key = `${profile.name} ${variable}.${name}`;
      if (this.logged.has(key)) continue;
      this.logged.add(key);
      log.warn({ profile: profile.name, variable, function: name }, 'query of unknown shape: sent once per experiment');
    }
    return plan;
  }
}

function containersOf({ experiments }: UsageRequest): PlacedExperiment[] {
  return experiments.map((experiment, index) => ({ experiment, index })).filter(({ experiment }) => experiment.type === 'container');
}
