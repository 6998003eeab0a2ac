import type { MetricProfile } from '../../profiles/metric-profile.js';
import { acceleratorQuestions, type UsageQuestion } from '../usage-questions.js';
import { type PlacedExperiment, type PlanContext, type PlannedQuery, planQuestion } from './plan-usage-queries.js';

/** Queries that tell cheaply whether a question has any answer; empty = ask the question itself. */
export type ProbeQueries = readonly PlannedQuery[];

/**
 * Accelerators and runtimes are things that most containers do not have, and a question about them costs the datasource as much as one about CPU where
 * pods are joined to workloads: the owners of all pods are computed, with nothing to join. The same question without the join costs an index look-up.
 * Where the question is not joined anyway (USAGE_SCOPE `container`, namespaces) there is nothing to gain. Nor is there from chunks, where a selector without
 * series is an index look-up already.
 */
export function planProbe(question: UsageQuestion, experiments: readonly PlacedExperiment[], context: PlanContext): ProbeQueries {
  if (!isSeldom(question, context.profile)) return [];
  const unjoined = planQuestion(question, experiments, { ...context, scope: 'container' }).queries;
  const asked = new Set(planQuestion(question, experiments, context).queries.map(({ query }) => query));
  return unjoined.every(({ query }) => asked.has(query)) ? [] : unjoined;
}

/**
 * Whether most containers have nothing of it: an accelerator's memory (its core is asked for only where the memory showed one), and variables that need a layer
 * beside `container`, which all have.
 */
function isSeldom({ variable }: UsageQuestion, { variables }: MetricProfile): boolean {
  if (variable === acceleratorQuestions.memory.variable) return true;
  return (variables.get(variable)?.layersRequired ?? []).some((layer) => layer !== 'container');
}
