/** A notification of a job or an experiment (spec: bulk-and-kafka.md 2.11). */
export interface Notification {
  readonly type: 'ERROR' | 'WARNING' | 'INFO';
  readonly message: string;
  readonly code: number;
}

/** Notifications by key; the key and the code may differ, as in the reference. */
export type Notifications = Readonly<Record<string, Notification>>;
