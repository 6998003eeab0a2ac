import { isDeepStrictEqual } from 'node:util';
import { type Experiment, type ExperimentType, experimentTypes } from '../../experiments/experiment.js';
import type { PlacedExperiment } from '../../owners/places.js';
import type { MetricProfile } from '../../profiles/metric-profile.js';
import { replaceDuration } from '../../profiles/placeholders.js';
import { type Matcher, matchOneOf } from '../../promql/matcher.js';
import type { ChunkQuestion, Windows } from '../../remote-read/series-windows.js';
import type { Settings } from '../../settings/settings-schema.js';
import { type UsageQuestion, usageQuestions } from '../usage-questions.js';
import { type AggregateOperator, type ChunkShape, type NotFromChunks, reachMs, readChunkShape, type Subquery } from './chunk-shape.js';

/** How one usage question is computed from a channel. */
export interface Reading {
  readonly question: UsageQuestion;
  readonly operator: AggregateOperator;
  readonly afterwards?: Subquery;
}

/** Values of series that some usage questions share, and how they are aggregated. */
export interface Channel {
  /** Index in the question's `windows`. */
  readonly window: number;
  readonly perSeries?: Subquery;
  /** Index in the plan's `reachesMs`; -1 for namespaces. */
  readonly reach: number;
  /** Labels that split an experiment's series into groups, of which the first is read. */
  readonly groupLabels: readonly string[];
  readonly readings: Reading[];
}

export interface PlannedQuestion {
  readonly chunkQuestion: ChunkQuestion & { readonly windows: Windows[] };
  /** Inequalities that we apply ourselves: series with one of these values are dropped on arrival. */
  readonly excluded: readonly Matcher[];
  readonly type: ExperimentType;
  readonly namespaceLabel: string;
  readonly containerLabel?: string;
  readonly channels: Channel[];
}

/** Questions of one remote read. */
export interface PlannedRead {
  /** Step at which subqueries are evaluated, ms; absent = the instants of the table. */
  readonly evaluationMs?: number;
  readonly questions: PlannedQuestion[];
}

export interface ChunkPlan {
  readonly reads: readonly PlannedRead[];
  /** The usage questions that the reads cover. */
  readonly covered: ReadonlySet<UsageQuestion>;
  /** The different look-backs of the containers' usage, ms. Each needs its own window of owners. */
  readonly reachesMs: readonly number[];
}

export interface ChunkPlanContext {
  readonly profile: MetricProfile;
  readonly scope: Settings['USAGE_SCOPE'];
  readonly stepSeconds: number;
  /** The datasource's default step of subqueries. */
  readonly evaluationMs: number;
}

/** Why a query with an unusual label for the namespace is sent once per experiment. */
export const joinsByNoLabel = 'has no label to join pods to workloads by';

type ShapeContext = Pick<ChunkPlanContext, 'profile' | 'scope' | 'stepSeconds'>;

/** Plans the remote reads for all that the engine reads and chunks can give. Queries with the same selector share a question. */
export function planChunkReads(placed: readonly PlacedExperiment[], context: ChunkPlanContext): ChunkPlan {
  const reads = new Map<number | undefined, PlannedRead>();
  const covered = new Set<UsageQuestion>();
  const reachesMs: number[] = [];
  for (const type of experimentTypes) {
    const experiments = placed.filter(({ experiment }) => experiment.type === type).map(({ experiment }) => experiment);
    for (const question of experiments.length > 0 ? usageQuestions[type] : []) {
      const shape = chunkShapeOf(question, type, context);
      if (!shape || 'reason' in shape) continue;
      const { questions } = readOf(reads, shape, context);
      const planned = questionOf(questions, shape, type, experiments);
      const reach = type === 'container' ? indexOrPush(reachesMs, reachMs(shape)) : -1;
      addReading(planned, question, shape, { reach, groupLabels: groupLabelsOf(shape, type, context) });
      covered.add(question);
    }
  }
  return { reads: [...reads.values()], covered, reachesMs };
}

/** The shape of the profile's query for a question, or why it must be sent as PromQL; undefined if the profile has no query. */
export function chunkShapeOf(
  { variable, function: name }: UsageQuestion,
  type: ExperimentType,
  { profile, scope, stepSeconds }: ShapeContext,
): ChunkShape | NotFromChunks | undefined {
  const query = profile.variables.get(variable)?.queries[name];
  if (query === undefined) return undefined;
  const shape = readChunkShape(replaceDuration(query, stepSeconds), type);
  if ('reason' in shape || type === 'namespace' || scope === 'container') return shape;
  if (shape.afterwards) return { reason: 'joins pods to workloads inside a subquery' };
  if (!shape.namespaceLabel.endsWith('namespace')) return { reason: joinsByNoLabel };
  return shape;
}

/** Subqueries with the same step are evaluated at the same instants, so they share a read. */
function readOf(reads: Map<number | undefined, PlannedRead>, shape: ChunkShape, context: ChunkPlanContext): PlannedRead {
  const subquery = shape.perSeries ?? shape.afterwards;
  const evaluationMs = subquery && (subquery.stepMs ?? context.evaluationMs);
  const read = reads.get(evaluationMs) ?? { ...(evaluationMs !== undefined && { evaluationMs }), questions: [] };
  reads.set(evaluationMs, read);
  return read;
}

/**
 * Finds or adds the question of a selector. For containers, inequalities such as `pod!=""` are applied here: they exclude hardly any
 * series, but the datasource would go through the series of all its pods for each question. For namespaces the datasource applies them:
 * half of the series belong to no container and need not be sent.
 */
function questionOf(
  questions: PlannedQuestion[],
  shape: ChunkShape,
  type: ExperimentType,
  experiments: readonly Experiment[],
): PlannedQuestion {
  const { namespaceLabel, containerLabel } = shape;
  const isExcluded = ({ type: operator }: Matcher) => operator === '!=' && containerLabel !== undefined;
  const excluded = shape.matchers.filter(isExcluded);
  const matchers = [...shape.matchers.filter((matcher) => !isExcluded(matcher)), ...experimentMatchers(shape, experiments)];
  const key = keyOf(type, [...matchers, ...excluded]);
  const known = questions.find((each) => keyOf(each.type, [...each.chunkQuestion.matchers, ...each.excluded]) === key);
  if (known) return known;
  const planned = {
    chunkQuestion: { matchers, windows: [] },
    excluded,
    type,
    namespaceLabel,
    ...(containerLabel && { containerLabel }),
    channels: [],
  };
  questions.push(planned);
  return planned;
}

function addReading(
  { chunkQuestion, channels }: PlannedQuestion,
  question: UsageQuestion,
  { windows, perSeries, operator, afterwards }: ChunkShape,
  { reach, groupLabels }: Pick<Channel, 'reach' | 'groupLabels'>,
): void {
  const window = indexOrPush(chunkQuestion.windows, windows);
  const values = { window, ...(perSeries && { perSeries }), reach, groupLabels };
  const known = channels.find(({ readings: _, ...each }) => isDeepStrictEqual(each, values));
  const channel = known ?? { ...values, readings: [] };
  if (!known) channels.push(channel);
  channel.readings.push({ question, operator, ...(afterwards && { afterwards }) });
}

function indexOrPush<T>(list: T[], item: T): number {
  const index = list.findIndex((each) => isDeepStrictEqual(each, item));
  return index >= 0 ? index : list.push(item) - 1;
}

function experimentMatchers({ namespaceLabel, containerLabel }: ChunkShape, experiments: readonly Experiment[]): Matcher[] {
  const namespaces = experiments.map(({ namespace }) => namespace);
  const containers = experiments.flatMap((experiment) => (experiment.type === 'container' ? [experiment.container] : []));
  return [matchOneOf(namespaceLabel, namespaces), ...(containerLabel === undefined ? [] : [matchOneOf(containerLabel, containers)])];
}

/** Grouping labels other than those that identify experiments. */
function groupLabelsOf({ groupBy, namespaceLabel, containerLabel }: ChunkShape, type: ExperimentType, { scope }: ShapeContext): string[] {
  const isJoined = type === 'container' && scope === 'workload';
  const keyLabels = [namespaceLabel, containerLabel, ...(isJoined ? ['workload', 'workload_type'] : [])];
  return [...new Set(groupBy)].filter((label) => !keyLabels.includes(label)).sort();
}

function keyOf(type: ExperimentType, matchers: readonly Matcher[]): string {
  return JSON.stringify([type, ...matchers.map(({ name, type: operator, value }) => `${name}${operator}${value}`).sort()]);
}
