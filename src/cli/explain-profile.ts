import { type Experiment, type ExperimentType, experimentTypes } from '../experiments/experiment.js';
import { type MetricProfile, MetricProfiles } from '../profiles/metric-profile.js';
import { replaceDuration } from '../profiles/placeholders.js';
import { readSettings } from '../settings/read-settings.js';
import type { Settings } from '../settings/settings-schema.js';
import { chunkShapeOf, joinsByNoLabel } from '../usage/from-chunks/plan-chunk-reads.js';
import { planProbe, planQuestion } from '../usage/from-promql/plan-usage-queries.js';
import { readQueryShape } from '../usage/from-promql/query-shape.js';
import { acceleratorQuestions, activityQuestion, type UsageQuestion, usageQuestions } from '../usage/usage-questions.js';

/** How a query of a metric profile is run. */
export interface ExplainedQuery {
  readonly type: ExperimentType;
  /** `cpuUsage.avg` */
  readonly name: string;
  /** The reader if the datasource has remote read; otherwise it is PromQL. */
  readonly reader: 'chunks' | 'promql' | 'none';
  /** How PromQL queries are sent: once for all experiments of a shard, or once per experiment. */
  readonly asked?: 'batched' | 'each';
  /** Whether PromQL sends a cheap probe first, and the query only if the probe returns data. */
  readonly isProbed?: boolean;
  /** Why the query does not use chunks, and why it is not batched. */
  readonly reason?: string;
}

interface ExplainContext {
  readonly profile: MetricProfile;
  readonly scope: Settings['USAGE_SCOPE'];
  readonly stepSeconds: number;
}

/** Queries that always use PromQL. */
const alwaysPromql: readonly (readonly [UsageQuestion, string])[] = [
  [activityQuestion, 'sent only for idle containers'],
  [acceleratorQuestions.memory, 'shows which containers have an accelerator'],
  [acceleratorQuestions.core, 'sent only for containers with a supported accelerator'],
];

/** Explains how each query of the profile is run. Leaves out queries that the engine never uses. */
export function explainProfile(profile: MetricProfile, scope: Settings['USAGE_SCOPE'], stepSeconds = 900): ExplainedQuery[] {
  const context = { profile, scope, stepSeconds };
  const explained = experimentTypes.flatMap((type) =>
    usageQuestions[type].map((question) => explain(type, question, whyNotChunks(type, question, context), context)),
  );
  return [...explained, ...alwaysPromql.map(([question, why]) => explain('container', question, why, context))];
}

function explain(type: ExperimentType, question: UsageQuestion, whyPromql: string | undefined, context: ExplainContext): ExplainedQuery {
  const name = `${question.variable}.${question.function}`;
  const query = context.profile.variables.get(question.variable)?.queries[question.function];
  if (query === undefined) return { type, name, reader: 'none', reason: 'the profile has no such query' };
  const whyEach = whyNotBatched(type, question, query, context);
  const reason = [...new Set([whyPromql, whyEach])].filter((why) => why !== undefined).join('; ');
  const isProbed = planProbe(question, [anyOf[type]], context).length > 0;
  return {
    type,
    name,
    reader: whyPromql === undefined ? 'chunks' : 'promql',
    asked: whyEach === undefined ? 'batched' : 'each',
    isProbed,
    ...(reason && { reason }),
  };
}

function whyNotChunks(type: ExperimentType, question: UsageQuestion, context: ExplainContext): string | undefined {
  const shape = chunkShapeOf(question, type, context);
  return shape && 'reason' in shape ? shape.reason : undefined;
}

function whyNotBatched(type: ExperimentType, question: UsageQuestion, query: string, context: ExplainContext): string | undefined {
  if (planQuestion(question, [anyOf[type]], context).unbatched.length === 0) return undefined;
  const shape = readQueryShape(replaceDuration(query, context.stepSeconds), type);
  return shape ? joinsByNoLabel : 'its result would not distinguish experiments';
}

const named = { name: 'n', datasource: 'd', clusterName: 'c', namespace: 'n', pods: 1 };

/** How a query is run depends on its shape, not on the experiment, so any experiment will do. */
const anyOf: Readonly<Record<ExperimentType, { readonly experiment: Experiment; readonly index: number }>> = {
  container: {
    experiment: { ...named, type: 'container', workload: 'w', workloadType: 'deployment', container: 'c', image: '' },
    index: 0,
  },
  namespace: { experiment: { ...named, type: 'namespace' }, index: 0 },
};

/** Options of `rightsizer explain-profile`. */
export interface ExplainOptions {
  /** Default: the setting USAGE_SCOPE. */
  readonly scope?: Settings['USAGE_SCOPE'];
  readonly stepSeconds: number;
  /** One line of JSON instead of a table. */
  readonly json?: boolean;
}

/**
 * Returns text that shows how each query of a metric profile in CONFIG_DIR is run. Throws if the name is unknown (the error lists the known ones) or
 * a profile is invalid. `environment` holds the settings.
 */
export function explainProfileNamed(name: string, { scope, stepSeconds, json }: ExplainOptions, environment: NodeJS.ProcessEnv): string {
  const settings = readSettings(environment);
  const profiles = new MetricProfiles(settings);
  const profile = profiles.find(name);
  if (!profile) throw new Error(`there is no metric profile "${name}"; there are: ${profiles.names().join(', ') || 'none'}`);
  const usageScope = scope ?? settings.USAGE_SCOPE;
  const queries = explainProfile(profile, usageScope, stepSeconds);
  if (json) return `${JSON.stringify({ profile: name, scope: usageScope, stepSeconds, queries })}\n`;
  return `${name}, intervals of ${stepSeconds / 60} min, USAGE_SCOPE ${usageScope}\n\n${writeProfileTable(queries)}`;
}

const head = ['ABOUT', 'QUERY', 'WITH REMOTE READ', 'BY PROMQL', 'WHY'];

const readers: Readonly<Record<ExplainedQuery['reader'], string>> = { chunks: 'chunks', promql: 'PromQL', none: '-' };
const ways: Readonly<Record<NonNullable<ExplainedQuery['asked']>, string>> = { batched: 'batched', each: 'per experiment' };

/** Returns a table with one line per query and aligned columns. */
export function writeProfileTable(explained: readonly ExplainedQuery[]): string {
  const lines = explained.map(({ type, name, reader, asked, isProbed, reason = '' }) => {
    const way = asked === undefined ? '-' : ways[asked];
    return [type, name, readers[reader], isProbed ? `${way}, if a probe returns data` : way, reason];
  });
  const rows = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const padded = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  '));
  return padded.map((line) => `${line.trimEnd()}\n`).join('');
}
