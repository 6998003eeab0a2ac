import { type Comparison, compareWithCurrent } from './compare-with-current.js';
import { withoutEmpty } from './current-config.js';
import { chooseMigProfile } from './mig-profiles.js';
import type { Model } from './models.js';
import { type NotificationCode, notificationsOf } from './notifications.js';
import type { RecommendationSettings } from './recommendation-settings.js';
import type { Resource } from './recommendation-types.js';
import type { Amount, Amounts, EnvEntry, ModelRecommendation, ResourceConfig } from './recommendations.js';
import { runtimeEnv } from './runtime-env.js';
import { type Sized, sizeCpu, sizeMemory } from './size-resources.js';
import type { TermUsage } from './term-usage.js';
import type { JvmInfo } from './usage-table.js';

/** What all terms and models of one recommendation share. */
export interface Situation {
  readonly settings: RecommendationSettings;
  /** Configured amounts at the last interval. */
  readonly current: ResourceConfig;
  readonly jvm: JvmInfo | undefined;
  readonly acceleratorModel: string | undefined;
}

const noGpu: Amounts = {};

/** The recommendation of one model for one term. */
export function recommendModel(usage: TermUsage, model: Model, situation: Situation): ModelRecommendation {
  const { settings, current } = situation;
  const sized = { cpu: sizeCpu(usage, model), memory: sizeMemory(usage, model) };
  const shown = settings.types.resources.map((resource) => [resource, sized[resource]] as const);
  const compared = shown.flatMap(([resource, size]) =>
    'notice' in size ? [] : [[resource, compareWithCurrent(resource, size, current, settings.threshold)] as const],
  );
  const gpu = gpuLimits(usage, model, situation);
  const env = envOf(sized, situation);
  const codes: NotificationCode[] = [
    ...podsNotices(usage.podsCount),
    ...shown.flatMap(([, size]) => ('notice' in size ? [size.notice] : [])),
    ...compared.flatMap(([, { notices }]) => notices),
    ...(gpu === noGpu ? [] : [128001 as const]),
    ...(env.length === 0 ? [] : [112104 as const]),
  ];
  return {
    pods_count: usage.podsCount,
    confidence_level: 0.0,
    config: { ...configOf(compared, gpu), ...(env.length === 0 ? {} : { env }) },
    variation: variationOf(compared),
    notifications: notificationsOf(codes),
  };
}

type Compared = readonly (readonly [Resource, Comparison])[];

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

/** The limit that asks for a MIG partition (recommendations.md 9.3). */
function gpuLimits(usage: TermUsage, model: Model, { settings, acceleratorModel }: Situation): Amounts {
  if (acceleratorModel === undefined || !settings.types.accelerators.includes('gpu')) return noGpu;
  const profile = chooseMigProfile(acceleratorModel, usage, model.acceleratorPercentile);
  return profile === undefined ? noGpu : { [`nvidia.com/mig-${profile}`]: { amount: 1.0, format: 'cores' } };
}

function envOf(sized: Readonly<Record<Resource, Sized>>, { settings, jvm }: Situation): readonly EnvEntry[] {
  if (settings.experimentType === 'namespace') return [];
  const amountOf = (size: Sized) => ('notice' in size ? undefined : size.amount);
  return runtimeEnv(settings.layers, settings.types.runtimes, { cpuCores: amountOf(sized.cpu), memoryBytes: amountOf(sized.memory), jvm });
}

function podsNotices(podsCount: number): NotificationCode[] {
  if (podsCount === 0) return [221001];
  return podsCount < 0 ? [221002] : [];
}
