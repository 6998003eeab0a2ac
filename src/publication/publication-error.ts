/**
 * Ways in which publishing fails, with what is told to users.
 * `transient`: trying again may help by itself, else somebody must act first.
 * `scope`: after `cluster` nothing is decided about any record; `topic` holds up the records of one topic; `record` is the broker's verdict on records.
 */
export const publicationFailures = {
  unreachable: { scope: 'cluster', transient: true, says: 'No broker can be reached; check KAFKA_BOOTSTRAP_SERVERS.' },
  timeout: { scope: 'cluster', transient: true, says: 'The brokers did not answer in time.' },
  /** A leader election, too few replicas in sync, a full disk. */
  unavailable: { scope: 'cluster', transient: true, says: "The brokers can't take records at the moment." },
  'refused-credentials': { scope: 'cluster', transient: false, says: 'The brokers refused the credentials; check KAFKA_SASL_*.' },
  'not-authorized': { scope: 'topic', transient: false, says: "The brokers don't allow it; check their ACLs and policies." },
  'untrusted-certificate': { scope: 'cluster', transient: false, says: 'No trust between certificates; check KAFKA_SSL_*.' },
  'unreadable-file': { scope: 'cluster', transient: false, says: "A file named by KAFKA_SSL_* can't be read." },
  'topic-missing': { scope: 'topic', transient: false, says: 'It does not exist; create it or set KAFKA_CREATE_TOPICS=true.' },
  'topic-refused': {
    scope: 'topic',
    transient: false,
    says: 'The brokers refuse it; check KAFKA_TOPIC_REPLICATION, KAFKA_TOPIC_PARTITIONS and the name.',
  },
  closed: { scope: 'cluster', transient: false, says: 'This process is shutting down.' },
  'record-too-large': { scope: 'record', transient: false, says: 'The broker finds the record too large (its message.max.bytes).' },
  'record-refused': { scope: 'record', transient: false, says: 'The broker refused the record as invalid.' },
} as const satisfies Record<string, { scope: 'cluster' | 'topic' | 'record'; transient: boolean; says: string }>;
export type PublicationFailure = keyof typeof publicationFailures;

/** What was done with a topic when it failed. */
export interface TopicOperation {
  readonly topic: string;
  readonly operation: 'create' | 'write';
}

/** Kafka did not take what it was given. The message says what was asked of which topic, the broker's own words, and what to do. */
export class PublicationError extends Error {
  /** The topic that failed; absent where the failure is not about one. */
  readonly about?: TopicOperation;

  constructor(
    readonly failure: PublicationFailure,
    message: string = publicationFailures[failure].says,
    { about, ...options }: { cause?: unknown; about?: TopicOperation } = {},
  ) {
    super(message, options);
    this.name = 'PublicationError';
    this.about = about;
  }

  get isTransient(): boolean {
    return publicationFailures[this.failure].transient;
  }

  /** Whether the broker judged the records; else nothing is known of them and they are sent again later. */
  get isAboutRecords(): boolean {
    return publicationFailures[this.failure].scope === 'record';
  }

  /** Whether the records of other topics can go out all the same. */
  get isAboutTopic(): boolean {
    return publicationFailures[this.failure].scope === 'topic' && this.about !== undefined;
  }
}
