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

/** Error types of Kafka's protocol (kafka.apache.org/protocol, "Error Codes") that tell more than "unavailable". */
const failureOfType: Readonly<Record<string, PublicationFailure>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 'topic-missing',
  INVALID_TOPIC_EXCEPTION: 'topic-refused',
  INVALID_PARTITIONS: 'topic-refused',
  INVALID_REPLICATION_FACTOR: 'topic-refused',
  INVALID_CONFIG: 'topic-refused',
  TOPIC_AUTHORIZATION_FAILED: 'not-authorized',
  CLUSTER_AUTHORIZATION_FAILED: 'not-authorized',
  SASL_AUTHENTICATION_FAILED: 'refused-credentials',
  UNSUPPORTED_SASL_MECHANISM: 'refused-credentials',
  MESSAGE_TOO_LARGE: 'record-too-large',
  RECORD_LIST_TOO_LARGE: 'record-too-large',
  INVALID_RECORD: 'record-refused',
  INVALID_TIMESTAMP: 'record-refused',
  CORRUPT_MESSAGE: 'record-refused',
  POLICY_VIOLATION: 'not-authorized',
  REQUEST_TIMED_OUT: 'timeout',
};

/** Names of kafkajs' errors. */
const failureOfName: Readonly<Record<string, PublicationFailure>> = {
  KafkaJSSASLAuthenticationError: 'refused-credentials',
  KafkaJSConnectionError: 'unreachable',
  KafkaJSConnectionClosedError: 'unreachable',
  KafkaJSNoBrokerAvailableError: 'unreachable',
  KafkaJSBrokerNotFound: 'unreachable',
  KafkaJSRequestTimeoutError: 'timeout',
  KafkaJSTimeout: 'timeout',
  KafkaJSLockTimeout: 'timeout',
};

/** Codes that Node gives to TLS handshakes whose certificate it does not trust (nodejs.org/api/tls.html, "X509 certificate error codes"). */
const certificateCode = /CERT|SELF_SIGNED|SIGNATURE|ERR_TLS|ERR_SSL|^CRL_/;

interface FailedBy {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly type?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** Says which failure an error of the Kafka client is: by the types, names and codes along its chain of causes. */
export function readKafkaFailure(error: unknown): PublicationFailure {
  const chain = chainOf(error);
  const typed = chain.map(({ type }) => failureOfType[String(type)]).find((failure) => failure !== undefined);
  if (typed) return typed;
  if (chain.some(({ code }) => typeof code === 'string' && certificateCode.test(code))) return 'untrusted-certificate';
  return chain.map(({ name }) => failureOfName[String(name)]).find((failure) => failure !== undefined) ?? 'unavailable';
}

/** An error of the Kafka client as ours, with the broker's own words; one of ours along its chain stays as it is. */
export function publicationErrorOf(error: unknown, about?: TopicOperation): PublicationError {
  const ours = chainOf(error).find((each) => each instanceof PublicationError);
  if (ours instanceof PublicationError) return ours;
  const failure = readKafkaFailure(error);
  const { says } = publicationFailures[failure];
  const place = about ? `Topic ${about.topic} cannot be ${about.operation === 'create' ? 'created' : 'written'}. ` : '';
  const words = wordsOf(error);
  return new PublicationError(failure, `${place}${says}${words ? ` The brokers said ${words}` : ''}`, { cause: error, about });
}

/** What the brokers said, by the innermost error that has one of the protocol's types. */
function wordsOf(error: unknown): string | undefined {
  const spoken = chainOf(error).findLast(({ type }) => typeof type === 'string');
  return spoken && `${spoken.type}: ${spoken.message}`;
}

/** The error, the errors it gathers and their causes, outermost first. */
function chainOf(error: unknown): FailedBy[] {
  if (typeof error !== 'object' || error === null) return [];
  const { cause, errors } = error as FailedBy;
  return [error, ...(Array.isArray(errors) ? errors.flatMap(chainOf) : []), ...(cause === error ? [] : chainOf(cause))];
}
