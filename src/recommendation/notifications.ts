/**
 * All notifications of the engine. The first digit of a code gives its type. Kruize: design/NotificationCodes.md. Codes that Kruize defines
 * but never emits (221003, 323003, 328001, …) are left out. 221002 needs a negative pod count.
 */
export const notificationTable = {
  111000: { type: 'info', message: 'Recommendations Are Available' },
  111101: { type: 'info', message: 'Short Term Recommendations Available' },
  111102: { type: 'info', message: 'Medium Term Recommendations Available' },
  111103: { type: 'info', message: 'Long Term Recommendations Available' },
  112101: { type: 'info', message: 'Cost Recommendations Available' },
  112102: { type: 'info', message: 'Performance Recommendations Available' },
  112103: { type: 'info', message: 'Model Recommendations Available' },
  112104: { type: 'info', message: 'Runtimes Recommendations Available' },
  120001: { type: 'info', message: 'There is not enough data available to generate a recommendation.' },
  128001: { type: 'info', message: 'Accelerator Recommendations are available' },
  221001: { type: 'error', message: 'Number of pods cannot be zero' },
  221002: { type: 'error', message: 'Number of pods cannot be negative' },
  223001: { type: 'error', message: 'Amount field is missing in the CPU Section' },
  223002: { type: 'error', message: 'Invalid Amount in CPU Section' },
  223003: { type: 'error', message: 'Format field is missing in CPU Section' },
  224001: { type: 'error', message: 'Amount field is missing in the Memory Section' },
  224002: { type: 'error', message: 'Invalid Amount in Memory Section' },
  224003: { type: 'error', message: 'Format field is missing in Memory Section' },
  323001: { type: 'notice', message: 'CPU Usage is less than a millicore, No CPU Recommendations can be generated' },
  323002: { type: 'notice', message: 'CPU usage is zero, No CPU Recommendations can be generated' },
  323004: { type: 'notice', message: 'Workload is optimised wrt CPU REQUESTS, no changes needed' },
  323005: { type: 'notice', message: 'Workload is optimised wrt CPU LIMITS, no changes needed' },
  324001: { type: 'notice', message: 'Memory Usage is zero, No Memory Recommendations can be generated' },
  324003: { type: 'notice', message: 'Workload is optimised wrt MEMORY REQUESTS, no changes needed' },
  324004: { type: 'notice', message: 'Workload is optimised wrt MEMORY LIMITS, no changes needed' },
  423001: { type: 'warning', message: 'CPU Limit Not Set' },
  523001: { type: 'critical', message: 'CPU Request Not Set' },
  524001: { type: 'critical', message: 'Memory Request Not Set' },
  524002: { type: 'critical', message: 'Memory Limit Not Set' },

  // Our own codes, for the opt-in extras. Their second digit is 9, which no code of Kruize has. Third digit as in Kruize: 3 = CPU, 4 =
  // memory.
  199001: { type: 'info', message: 'Confidence Level Is The Observed Part Of The Term' },
  393001: { type: 'notice', message: 'CPU Recommendation Raised To The Given Minimum' },
  393002: { type: 'notice', message: 'CPU Recommendation Lowered To The Given Maximum' },
  393003: { type: 'notice', message: 'CPU Recommendation Rounded Up To The Given Step' },
  393004: { type: 'notice', message: 'CPU Request Kept, A HorizontalPodAutoscaler Scales On It' },
  393005: { type: 'notice', message: 'CPU Amounts Kept, The Change Is Below The Given Threshold' },
  394001: { type: 'notice', message: 'Memory Recommendation Raised To The Given Minimum' },
  394002: { type: 'notice', message: 'Memory Recommendation Lowered To The Given Maximum' },
  394003: { type: 'notice', message: 'Memory Recommendation Rounded Up To The Given Step' },
  394004: { type: 'notice', message: 'Memory Request Kept, A HorizontalPodAutoscaler Scales On It' },
  394005: { type: 'notice', message: 'Memory Amounts Kept, The Change Is Below The Given Threshold' },
  493001: { type: 'warning', message: 'CPU Recommendation Withheld, A HorizontalPodAutoscaler Scales On CPU' },
  494001: { type: 'warning', message: 'Memory Recommendation Withheld, A HorizontalPodAutoscaler Scales On Memory' },
  594001: { type: 'critical', message: 'Memory Recommendation Raised, The Container Was Killed For Lack Of Memory' },
} as const;

export type NotificationCode = keyof typeof notificationTable;

/** A notification in the wire format. */
export interface RecommendationNotification {
  readonly type: string;
  readonly message: string;
  readonly code: number;
}

/** Notifications by code, as a string. */
export type RecommendationNotifications = Readonly<Record<string, RecommendationNotification>>;

const rendered = new Map(
  Object.entries(notificationTable).map(([code, { type, message }]) => [Number(code), { type, message, code: Number(code) }]),
);

/** Cached maps: few different ones exist, and objects with large integer keys are slow to create. */
const cached = new Map<string, RecommendationNotifications>();

/** The notifications of these codes by code. Equal lists of codes return the same frozen object. */
export function notificationsOf(codes: readonly NotificationCode[]): RecommendationNotifications {
  const key = codes.join();
  const known = cached.get(key);
  if (known) return known;
  const notifications = Object.freeze(Object.fromEntries(codes.map((code) => [code, rendered.get(code)!])));
  cached.set(key, notifications);
  return notifications;
}
