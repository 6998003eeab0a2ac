import type { Notifications } from '../experiments/notification.js';

/** The members of a summary that may be large; all others are numbers and names. */
export interface JobSummary {
  readonly notifications?: Notifications;
  readonly input?: object;
  readonly [member: string]: unknown;
}

/** Longest notification of a cut summary, in characters, and how many are kept. */
const cutText = 200;
const cutCount = 5;

/** Cuts, applied in order until the summary fits: drop the input, then keep few, short notifications, then drop them. */
export const summaryCuts: readonly ((summary: JobSummary) => JobSummary)[] = [
  ({ input: _, ...rest }) => rest,
  ({ notifications = {}, ...rest }) => {
    const kept = Object.entries(notifications).slice(0, cutCount);
    return {
      ...rest,
      notifications: Object.fromEntries(kept.map(([key, each]) => [key, { ...each, message: each.message.slice(0, cutText) }])),
    };
  },
  ({ notifications: _, ...rest }) => rest,
];

/** Adds the notification that says how the summary was cut. */
export function withCutNotice(summary: JobSummary, notice: Notifications): JobSummary {
  return { ...summary, notifications: { ...summary.notifications, ...notice } };
}
