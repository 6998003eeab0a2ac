import type { Resource } from './recommendation-types.js';

/** A container was killed for lack of memory. */
export interface OomKill {
  /** Unix seconds. */
  readonly atSeconds: number;
  /** The limit that was in force when it happened, bytes. */
  readonly limitBytes: number;
}

/** What the extras look at beside usage; it is read only where they ask for it. */
export interface Evidence {
  readonly oomKills: readonly OomKill[];
  /** Resources whose utilisation (use in percent of the request) a HorizontalPodAutoscaler keeps. */
  readonly hpaResources: readonly Resource[];
}

export const noEvidence: Evidence = { oomKills: [], hpaResources: [] };
