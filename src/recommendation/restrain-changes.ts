import { withoutEmpty } from './current-config.js';
import type { Evidence } from './evidence.js';
import type { Extras } from './extras.js';
import { type NotificationCode, notificationsOf } from './notifications.js';
import { type Resource, recommendationTypes } from './recommendation-types.js';
import type { Amount, ModelRecommendation, ResourceConfig } from './recommendations.js';

/** A recommendation that can be changed before it is told. */
interface Draft {
  readonly config: Record<'requests' | 'limits', Record<string, Amount>>;
  readonly variation: Record<'requests' | 'limits', Record<string, Amount>>;
}

interface RestraintContext {
  readonly resource: Resource;
  readonly extras: Extras;
  readonly evidence: Evidence;
  readonly current: ResourceConfig;
}

/** Changes the draft of one resource; answers what to tell, if it did anything. */
type Restraint = (draft: Draft, context: RestraintContext) => NotificationCode | undefined;

const places = ['requests', 'limits'] as const;

/** Takes the resource out: its request decides when the autoscaler adds pods, and that is not for us to move. */
const withholdForHpa: Restraint = ({ config, variation }, { resource, extras, evidence }) => {
  if (extras.hpa !== 'withhold' || !evidence.hpaResources.includes(resource) || !variation.requests[resource]) return undefined;
  for (const place of places) {
    delete config[place][resource];
    delete variation[place][resource];
  }
  return resource === 'cpu' ? 493001 : 494001;
};

/**
 * Keeps the configured request, and with it the load a pod at which the autoscaler adds pods (target utilisation x request). The limit stays as
 * recommended, but never below the request.
 */
const keepForHpa: Restraint = ({ config, variation }, { resource, extras, evidence, current }) => {
  const request = current.requests?.[resource]?.amount;
  const recommended = config.requests[resource];
  if (extras.hpa !== 'keep' || !evidence.hpaResources.includes(resource) || request === undefined || !recommended) return undefined;
  const { format } = recommended;
  const limit = Math.max(config.limits[resource]!.amount, request);
  config.requests[resource] = { amount: request, format };
  variation.requests[resource] = { amount: 0, format };
  config.limits[resource] = { amount: limit, format };
  variation.limits[resource] = { amount: limit - (current.limits?.[resource]?.amount ?? 0), format };
  return resource === 'cpu' ? 393004 : 394004;
};

/** Keeps configured amounts that differ from the recommended ones by at most so many percent. */
const keepSmallChanges: Restraint = ({ config, variation }, { resource, extras, current }) => {
  let kept = false;
  for (const place of places) {
    const before = current[place]?.[resource]?.amount;
    const change = variation[place][resource];
    if (extras.changeThresholdPercent === undefined || before === undefined || !change || !config[place][resource] || change.amount === 0)
      continue;
    if ((Math.abs(change.amount) / before) * 100 > extras.changeThresholdPercent) continue;
    config[place][resource] = { amount: before, format: change.format };
    variation[place][resource] = { amount: 0, format: change.format };
    kept = true;
  }
  if (!kept) return undefined;
  return resource === 'cpu' ? 393005 : 394005;
};

const restraints: readonly Restraint[] = [withholdForHpa, keepForHpa, keepSmallChanges];

/** The recommendation without the changes that the extras hold back, with a notification for each. Pure: the given one stays as it is. */
export function restrainChanges(
  recommendation: ModelRecommendation,
  extras: Extras,
  evidence: Evidence,
  current: ResourceConfig,
): ModelRecommendation {
  const draft: Draft = { config: copyOf(recommendation.config), variation: copyOf(recommendation.variation) };
  const codes: NotificationCode[] = [];
  for (const resource of recommendationTypes.resources) {
    for (const restrain of restraints) {
      const code = restrain(draft, { resource, extras, evidence, current });
      if (code) codes.push(code);
    }
  }
  if (codes.length === 0) return recommendation;
  const { env } = recommendation.config;
  return {
    ...recommendation,
    config: { ...withoutEmpty(draft.config), ...(env && { env }) },
    variation: withoutEmpty(draft.variation),
    notifications: { ...recommendation.notifications, ...notificationsOf(codes) },
  };
}

function copyOf({ requests, limits }: ResourceConfig): Record<'requests' | 'limits', Record<string, Amount>> {
  return { requests: { ...requests }, limits: { ...limits } };
}
