/**
 * Ways in which publishing fails, with what is told to users.
 * `transient`: trying again may help by itself, else somebody must act first.
 * `scope`: after `cluster` nothing is decided about any record; `record` is the broker's verdict on the records.
 */
export const publicationFailures = {
  unreachable: { scope: 'cluster', transient: true, says: 'No broker can be reached; check KAFKA_BOOTSTRAP_SERVERS.' },
  timeout: { scope: 'cluster', transient: true, says: 'The brokers did not answer in time.' },
  /** A leader election, too few replicas in sync, a full disk. */
  unavailable: { scope: 'cluster', transient: true, says: "The brokers can't take records at the moment." },
  'refused-credentials': { scope: 'cluster', transient: false, says: 'The brokers refused the credentials; check KAFKA_SASL_*.' },
  'not-authorized': { scope: 'cluster', transient: false, says: "The brokers don't allow it; check their ACLs and policies." },
  'untrusted-certificate': { scope: 'cluster', transient: false, says: 'No trust between certificates; check KAFKA_SSL_*.' },
  'unreadable-file': { scope: 'cluster', transient: false, says: "A file named by KAFKA_SSL_* can't be read." },
  'topic-missing': { scope: 'cluster', transient: false, says: 'A topic is missing; create it or set KAFKA_CREATE_TOPICS=true.' },
  closed: { scope: 'cluster', transient: false, says: 'This process is shutting down.' },
  'record-too-large': { scope: 'record', transient: false, says: 'The broker finds the record too large (its message.max.bytes).' },
  'record-refused': { scope: 'record', transient: false, says: 'The broker refused the record as invalid.' },
} as const satisfies Record<string, { scope: 'cluster' | 'record'; transient: boolean; says: string }>;
export type PublicationFailure = keyof typeof publicationFailures;

/** Kafka did not take what it was given. The message says what was asked of whom and what to do. */
export class PublicationError extends Error {
  constructor(
    readonly failure: PublicationFailure,
    message: string = publicationFailures[failure].says,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'PublicationError';
  }

  get isTransient(): boolean {
    return publicationFailures[this.failure].transient;
  }

  /** Whether the broker judged the records; else nothing is known of them and they are sent again later. */
  get isAboutRecords(): boolean {
    return publicationFailures[this.failure].scope === 'record';
  }
}
