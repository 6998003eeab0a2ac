/**
 * Publication failures, with the message for users.
 * `transient`: a retry may succeed; otherwise somebody must act first.
 * `scope`: `cluster` leaves the result of every record open; `topic` delays the records of one topic; `record` means that the broker rejected a record.
 */
export const publicationFailures = {
  unreachable: { scope: 'cluster', transient: true, message: 'No broker can be reached; check KAFKA_BOOTSTRAP_SERVERS.' },
  timeout: { scope: 'cluster', transient: true, message: 'The brokers did not respond in time.' },
  /** A leader election, too few in-sync replicas, a full disk. */
  unavailable: { scope: 'cluster', transient: true, message: "The brokers can't accept records at the moment." },
  'refused-credentials': { scope: 'cluster', transient: false, message: 'The brokers rejected the credentials; check KAFKA_SASL_*.' },
  'not-authorized': { scope: 'topic', transient: false, message: 'The brokers deny it; check their ACLs and policies.' },
  'untrusted-certificate': { scope: 'cluster', transient: false, message: 'A certificate is not trusted; check KAFKA_SSL_*.' },
  'unreadable-file': { scope: 'cluster', transient: false, message: "A file named by KAFKA_SSL_* can't be read." },
  'topic-missing': { scope: 'topic', transient: false, message: 'It does not exist; create it or set KAFKA_CREATE_TOPICS=true.' },
  'topic-refused': {
    scope: 'topic',
    transient: false,
    message: 'The brokers reject it; check KAFKA_TOPIC_REPLICATION, KAFKA_TOPIC_PARTITIONS and the name.',
  },
  closed: { scope: 'cluster', transient: false, message: 'This process is shutting down.' },
  'record-too-large': {
    scope: 'record',
    transient: false,
    message: 'The broker rejected the record as too large; check its message.max.bytes.',
  },
  'record-refused': { scope: 'record', transient: false, message: 'The broker rejected the record as invalid.' },
} as const satisfies Record<string, { scope: 'cluster' | 'topic' | 'record'; transient: boolean; message: string }>;
export type PublicationFailure = keyof typeof publicationFailures;

/** The operation on a topic that failed. */
export interface TopicOperation {
  readonly topic: string;
  readonly operation: 'create' | 'write';
}

/** A failed operation on Kafka. The message states the topic and operation, what to do, and the broker's own error. */
export class PublicationError extends Error {
  /** The failed topic and operation; absent if the failure is not about a topic. */
  readonly about?: TopicOperation;

  constructor(
    readonly failure: PublicationFailure,
    message: string = publicationFailures[failure].message,
    { about, ...options }: { cause?: unknown; about?: TopicOperation } = {},
  ) {
    super(message, options);
    this.name = 'PublicationError';
    this.about = about;
  }

  get isTransient(): boolean {
    return publicationFailures[this.failure].transient;
  }

  /** Whether the broker rejected the records; otherwise their result is unknown and they are sent again later. */
  get isAboutRecords(): boolean {
    return publicationFailures[this.failure].scope === 'record';
  }

  /** Whether only this topic failed, so that records of other topics can still be sent. */
  get isAboutTopic(): boolean {
    return publicationFailures[this.failure].scope === 'topic' && this.about !== undefined;
  }
}

/** Failure of each error type of Kafka's protocol (kafka.apache.org/protocol, "Error Codes"). All other types are `unavailable`. */
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

/** Failure of each kafkajs error name. */
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

/** Node's error codes of a TLS handshake with an untrusted certificate (nodejs.org/api/tls.html, "X509 certificate error codes"). */
const certificateCode = /CERT|SELF_SIGNED|SIGNATURE|ERR_TLS|ERR_SSL|^CRL_/;

type ErrorLike = Partial<Record<'name' | 'message' | 'type' | 'code' | 'cause' | 'errors', unknown>>;

/** Classifies an error of the Kafka client by the types, names and codes in its chain of causes. */
export function readKafkaFailure(error: unknown): PublicationFailure {
  const chain = chainOf(error);
  const typed = chain.map(({ type }) => failureOfType[String(type)]).find((failure) => failure !== undefined);
  if (typed) return typed;
  if (chain.some(({ code }) => typeof code === 'string' && certificateCode.test(code))) return 'untrusted-certificate';
  return chain.map(({ name }) => failureOfName[String(name)]).find((failure) => failure !== undefined) ?? 'unavailable';
}

/** Converts an error of the Kafka client to a PublicationError that quotes the broker. Returns a PublicationError in its chain unchanged. */
export function publicationErrorOf(error: unknown, about?: TopicOperation): PublicationError {
  const chain = chainOf(error);
  const ours = chain.find((each) => each instanceof PublicationError);
  if (ours instanceof PublicationError) return ours;
  const failure = readKafkaFailure(error);
  const { message } = publicationFailures[failure];
  const place = about ? `Topic ${about.topic} cannot be ${about.operation === 'create' ? 'created' : 'written'}. ` : '';
  // The innermost error that has a type of Kafka's protocol.
  const broker = chain.findLast(({ type }) => typeof type === 'string');
  const reported = broker ? ` The brokers reported ${broker.type}: ${broker.message}` : '';
  return new PublicationError(failure, `${place}${message}${reported}`, { cause: error, about });
}

/** The error, its aggregated errors and their causes, outermost first. */
function chainOf(error: unknown): ErrorLike[] {
  if (typeof error !== 'object' || error === null) return [];
  const { cause, errors } = error as ErrorLike;
  return [error, ...(Array.isArray(errors) ? errors.flatMap(chainOf) : []), ...(cause === error ? [] : chainOf(cause))];
}
