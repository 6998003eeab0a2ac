import { type Comparison, compareWithCurrent, withoutEmpty } from './compare.js';
import { adjustAmount, restrainChanges } from './extras.js';
import { chooseMigProfile } from './mig-profiles.js';
import { type NotificationCode, notificationsOf } from './notifications.js';
import type { Amount, Amounts, EnvEntry, ModelRecommendation, ResourceConfig } from './recommendations.js';
import { runtimeEnv } from './runtime-env.js';
import { type Evidence, type Extras, extrasFor, isOff, type Model, type RecommendationSettings, type Resource } from './settings.js';
import { type Sized, sizeCpu, sizeMemory, type TermUsage } from './sizing.js';
import type { JvmInfo } from './usage-table.js';

/** Input shared by the models of one term. */
export interface Situation {
  readonly settings: RecommendationSettings;
  /** Configured amounts at the last interval. */
  readonly current: ResourceConfig;
  /** The JVM seen in the term. */
  readonly jvm: JvmInfo | undefined;
  readonly acceleratorModel: string | undefined;
  readonly evidence: Evidence;
}

/** The term's first and last instant, Unix seconds, and its observed part, 0 to 1. */
export interface TermWindow {
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly observedPart: number;
}

/** The recommendation of one model for one term, with the requested extras. */
export function recommendModel(usage: TermUsage, model: Model, situation: Situation, window: TermWindow): ModelRecommendation {
  const sized = { cpu: sizeCpu(usage, model), memory: sizeMemory(usage, model) };
  const { settings } = situation;
  if (!settings.extras || isOff(settings.extras)) return describeModel(usage, model, situation, sized, []);
  const extras = extrasFor(settings.experimentType, settings.extras);
  const notices: NotificationCode[] = [];
  const adjust = (resource: Resource): Sized => {
    const size = sized[resource];
    if ('notice' in size) return size;
    const adjusted = adjustAmount(size.amount, { resource, extras, evidence: situation.evidence, term: window });
    if (settings.types.resources.includes(resource)) notices.push(...adjusted.notices);
    return { amount: adjusted.amount, format: size.format };
  };
  const described = describeModel(usage, model, situation, { cpu: adjust('cpu'), memory: adjust('memory') }, notices);
  return withConfidence(restrainChanges(described, extras, situation.evidence, situation.current), extras, window);
}

function withConfidence(recommendation: ModelRecommendation, extras: Extras, { observedPart }: TermWindow): ModelRecommendation {
  if (!extras.confidence) return recommendation;
  const notifications = { ...recommendation.notifications, ...notificationsOf([199001]) };
  return { ...recommendation, confidence_level: Math.round(observedPart * 1e4) / 1e4, notifications };
}

type SizedResources = Readonly<Record<Resource, Sized>>;
type Compared = readonly (readonly [Resource, Comparison])[];

/** Compares the sized resources with the configured amounts; adds GPU and runtime environment. */
function describeModel(
  usage: TermUsage,
  model: Model,
  situation: Situation,
  sized: SizedResources,
  notices: readonly NotificationCode[],
): ModelRecommendation {
  const { settings, current } = situation;
  const codes: NotificationCode[] = [...podsNotices(usage.podsCount)];
  const compared: [Resource, Comparison][] = [];
  for (const resource of settings.types.resources) {
    const size = sized[resource];
    if ('notice' in size) codes.push(size.notice);
    else compared.push([resource, compareWithCurrent(resource, size, current, settings.threshold)]);
  }
  for (const [, comparison] of compared) codes.push(...comparison.notices);
  const gpu = gpuLimits(usage, model, situation);
  const env = envOf(sized, situation);
  if (gpu !== noGpu) codes.push(128001);
  if (env.length > 0) codes.push(112104);
  codes.push(...notices);
  return {
    pods_count: usage.podsCount,
    confidence_level: 0.0,
    config: env.length === 0 ? configOf(compared, gpu) : { ...configOf(compared, gpu), env },
    variation: variationOf(compared),
    notifications: notificationsOf(codes),
  };
}

function configOf(compared: Compared, gpu: Amounts): ResourceConfig {
  const amounts: Record<string, Amount> = {};
  for (const [resource, { config }] of compared) if (config) amounts[resource] = config;
  return withoutEmpty({ requests: amounts, limits: gpu === noGpu ? amounts : { ...amounts, ...gpu } });
}

function variationOf(compared: Compared): ResourceConfig {
  const requests: Record<string, Amount> = {};
  const limits: Record<string, Amount> = {};
  for (const [resource, { variation }] of compared) {
    requests[resource] = variation.requests;
    limits[resource] = variation.limits;
  }
  return withoutEmpty({ requests, limits });
}

const noGpu: Amounts = {};

/** The limit that requests a MIG partition (Kruize: design/AcceleratorSupport.md). */
function gpuLimits(usage: TermUsage, model: Model, { settings, acceleratorModel }: Situation): Amounts {
  if (acceleratorModel === undefined || !settings.types.accelerators.includes('gpu')) return noGpu;
  const profile = chooseMigProfile(acceleratorModel, usage, model.acceleratorPercentile);
  return profile === undefined ? noGpu : { [`nvidia.com/mig-${profile}`]: { amount: 1.0, format: 'cores' } };
}

function envOf(sized: SizedResources, { settings, jvm }: Situation): readonly EnvEntry[] {
  if (settings.experimentType === 'namespace' || settings.layers.length === 0) return [];
  const amountOf = (size: Sized) => ('notice' in size ? undefined : size.amount);
  return runtimeEnv(settings.layers, settings.types.runtimes, { cpuCores: amountOf(sized.cpu), memoryBytes: amountOf(sized.memory), jvm });
}

function podsNotices(podsCount: number): NotificationCode[] {
  if (podsCount === 0) return [221001];
  return podsCount < 0 ? [221002] : [];
}
