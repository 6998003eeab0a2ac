import { PublicationError, publicationErrorOf, readKafkaFailure } from './publication-error.js';

/** Has the fields of errors that kafkajs 2.2.4 throws with Kafka 4.1. */
const errorLike = (fields: object, cause?: unknown) => Object.assign(new Error('any text', { cause }), fields);

describe('readKafkaFailure', () => {
  it.each([
    [
      'unreachable',
      errorLike({ name: 'KafkaJSNumberOfRetriesExceeded' }, errorLike({ name: 'KafkaJSConnectionError', code: 'ECONNREFUSED' })),
    ],
    ['timeout', errorLike({ name: 'KafkaJSRequestTimeoutError' })],
    ['refused-credentials', errorLike({ name: 'KafkaJSSASLAuthenticationError' })],
    ['record-too-large', errorLike({ name: 'KafkaJSProtocolError', type: 'MESSAGE_TOO_LARGE' })],
    ['topic-missing', errorLike({ name: 'KafkaJSNumberOfRetriesExceeded' }, errorLike({ type: 'UNKNOWN_TOPIC_OR_PARTITION' }))],
    ['not-authorized', errorLike({ name: 'KafkaJSAggregateError', errors: [errorLike({ type: 'TOPIC_AUTHORIZATION_FAILED' })] })],
    ['untrusted-certificate', errorLike({ name: 'KafkaJSConnectionError', code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })],
    ['untrusted-certificate', errorLike({ name: 'KafkaJSConnectionError', code: 'ERR_TLS_CERT_ALTNAME_INVALID' })],
    ['topic-refused', errorLike({ name: 'KafkaJSAggregateError', errors: [errorLike({ type: 'INVALID_REPLICATION_FACTOR' })] })],
    ['unavailable', errorLike({ type: 'NOT_ENOUGH_REPLICAS' })],
    ['unavailable', 'no error at all'],
  ])('returns %s', (failure, error) => {
    expect(readKafkaFailure(error)).toBe(failure);
  });

  it('handles an error that is its own cause', () => {
    const error = errorLike({ name: 'KafkaJSError' });
    error.cause = error;
    expect(readKafkaFailure(error)).toBe('unavailable');
  });
});

describe('publicationErrorOf', () => {
  const about = { topic: 'error-topic', operation: 'create' } as const;

  it("names topic and operation, and quotes the broker's error", () => {
    const refused = errorLike({
      name: 'KafkaJSCreateTopicError',
      type: 'INVALID_REPLICATION_FACTOR',
      message: 'Replication-factor is invalid',
    });
    const error = publicationErrorOf(errorLike({ name: 'KafkaJSAggregateError', errors: [refused] }), about);
    expect(error).toMatchObject({ failure: 'topic-refused', about, isAboutTopic: true });
    expect(error.message).toBe(
      'Topic error-topic cannot be created. The brokers reject it; check KAFKA_TOPIC_REPLICATION, KAFKA_TOPIC_PARTITIONS and the name. ' +
        'The brokers reported INVALID_REPLICATION_FACTOR: Replication-factor is invalid',
    );
  });

  it('returns a PublicationError in the chain unchanged', () => {
    const ours = new PublicationError('timeout');
    expect(publicationErrorOf(errorLike({}, ours), about)).toBe(ours);
  });

  it('is not about a topic if no topic was requested', () => {
    expect(publicationErrorOf(errorLike({ type: 'CLUSTER_AUTHORIZATION_FAILED' }))).toMatchObject({
      failure: 'not-authorized',
      isAboutTopic: false,
    });
  });
});

describe('PublicationError', () => {
  it.each([
    ['unreachable', true, false],
    ['refused-credentials', false, false],
    ['record-too-large', false, true],
  ] as const)('%s: transient %s, about records %s', (failure, isTransient, isAboutRecords) => {
    expect(new PublicationError(failure)).toMatchObject({ isTransient, isAboutRecords });
  });
});
