import { PublicationError, type PublicationFailure, publicationFailures, type TopicOperation } from './publication-error.js';

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
