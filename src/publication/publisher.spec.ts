import { startTinyKafka, type TinyKafka } from '../../test/servers/tiny-kafka.js';
import { RawJson } from '../experiments/documents.js';
import { readSettings } from '../settings/read-settings.js';
import { KafkaClient } from './kafka-client.js';
import { jobFailureMessage, recommendationMessage, summaryMessage } from './messages.js';
import { Publisher } from './publisher.js';

const time = '2026-11-21T03:30:36.165Z';

/** Port 9 (discard): nothing listens on it. */
const unreachable = { KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:9' };

function publisherWith(environment: Record<string, string>) {
  const settings = readSettings(environment);
  return { settings, publisher: new Publisher(new KafkaClient(settings), settings) };
}

describe('Publisher', () => {
  it('is off and ready if there are no bootstrap servers', () => {
    const { publisher } = publisherWith({});
    expect(publisher.isOn).toBe(false);
    expect(publisher.isUp).toBe(false);
    expect(publisher.trouble()).toBeUndefined();
  });

  it('is not ready before it has connected to Kafka', () => {
    const { publisher } = publisherWith(unreachable);
    expect(publisher.isOn).toBe(true);
    expect(publisher.trouble()).toBe('Kafka: Not connected yet. Records are kept and sent once it is reachable.');
  });

  it('omits topics that are not in KAFKA_TOPICS, and fails records that are too large in every form', async () => {
    const { publisher, settings } = publisherWith({ ...unreachable, KAFKA_TOPICS: 'summary-topic', KAFKA_MAX_RECORD_BYTES: '10000' });
    const summary = summaryMessage({ jobId: 'j', time, summary: { status: 'x'.repeat(20_000) } }, settings);
    const jobFailure = jobFailureMessage({ jobId: 'j', time, notifications: {} }, settings);
    await expect(publisher.publish([summary, jobFailure])).resolves.toEqual([
      { status: 'failed', reason: expect.stringMatching(/^The record has 20\d{3} bytes, KAFKA_MAX_RECORD_BYTES is 10000\.$/) },
      { status: 'left-out', reason: 'Topic error-topic is not in KAFKA_TOPICS.' },
    ]);
  });

  it('rejects if Kafka is unreachable, with no result for any message', async () => {
    const { publisher, settings } = publisherWith(unreachable);
    const message = summaryMessage({ jobId: 'j', time, summary: {} }, settings);
    await expect(publisher.publish([message])).rejects.toMatchObject({
      name: 'PublicationError',
      failure: 'unreachable',
      isTransient: true,
    });
    expect(publisher.trouble()).toMatch(/^Kafka: ./);
    await publisher.onApplicationShutdown();
  }, 15_000);

  it('sends nothing after shutdown', async () => {
    const { publisher, settings } = publisherWith(unreachable);
    await publisher.onApplicationShutdown();
    const message = summaryMessage({ jobId: 'j', time, summary: {} }, settings);
    await expect(publisher.publish([message])).rejects.toMatchObject({ failure: 'closed' });
  });
});

describe('a record that the broker rejects', () => {
  /** Error codes of Kafka's protocol. */
  const [messageTooLarge, invalidRecord] = [10, 87];
  let kafka: TinyKafka;
  afterEach(() => kafka?.stop());

  /** Publishes recommendations with plots of these experiments. */
  async function publish(names: readonly string[]) {
    const { publisher, settings } = publisherWith({ KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers });
    const messages = names.map((name) => {
      const response = new RawJson('[{"recommendation_terms":{"short_term":{"plots":{"plots_data":{}}}}}]');
      const experiment = { name, status: 'PROCESSED', apis: { create: {}, recommendations: { response } }, status_history: [] } as const;
      return recommendationMessage({ jobId: 'j', time, summary: {}, experiment }, settings);
    });
    const results = await publisher.publish(messages);
    await publisher.onApplicationShutdown();
    return results;
  }

  it('as too large is sent without plots, and the other records unchanged', async () => {
    kafka = await startTinyKafka(['recommendations-topic'], ({ key, value }) =>
      key === 'large' && value.includes('plots_data') ? messageTooLarge : undefined,
    );
    await expect(publish(['a', 'large', 'b'])).resolves.toEqual(Array(3).fill({ status: 'acknowledged' }));
    const hasPlots = Object.fromEntries(kafka.records.map(({ key, value }) => [key, value.includes('plots_data')]));
    expect([kafka.records.length, hasPlots]).toEqual([3, { a: true, large: false, b: true }]);
  });

  it('as too large in every form is replaced by an error record', async () => {
    kafka = await startTinyKafka(['recommendations-topic', 'error-topic'], ({ topic }) =>
      topic === 'recommendations-topic' ? messageTooLarge : undefined,
    );
    const reason = expect.stringContaining('The broker rejected the record as too large; check its message.max.bytes.');
    await expect(publish(['large'])).resolves.toEqual([{ status: 'failed', reason }]);
    expect(kafka.records).toMatchObject([{ topic: 'error-topic', key: 'large', value: expect.stringContaining('PUBLISH_FAILED') }]);
  });

  it('leaves nothing to report once all records are accepted', async () => {
    kafka = await startTinyKafka(['summary-topic'], () => undefined);
    const { publisher, settings } = publisherWith({ KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers });
    await publisher.publish([summaryMessage({ jobId: 'j', time, summary: {} }, settings)]);
    expect(publisher.trouble()).toBeUndefined();
    await publisher.onApplicationShutdown();
  });

  it('because of its topic waits, and the records of other topics are sent', async () => {
    const topicAuthorizationFailed = 29;
    kafka = await startTinyKafka(['error-topic', 'summary-topic'], ({ topic }) =>
      topic === 'error-topic' ? topicAuthorizationFailed : undefined,
    );
    const { publisher, settings } = publisherWith({ KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers });
    const failure = jobFailureMessage({ jobId: 'j', time, notifications: {} }, settings);
    const summary = summaryMessage({ jobId: 'j', time, summary: {} }, settings);
    const [first, second] = await publisher.publish([failure, summary]);
    expect([first, second]).toEqual([
      { status: 'waits', error: expect.objectContaining({ about: { topic: 'error-topic', operation: 'write' } }) },
      { status: 'acknowledged' },
    ]);
    expect(kafka.records.map(({ topic }) => topic)).toEqual(['summary-topic']);
    expect(publisher.isUp).toBe(true);
    expect(publisher.trouble()).toMatch(/^Kafka: Topic error-topic cannot be written/);
    await publisher.onApplicationShutdown();
  });

  it('as invalid does not fail the other records', async () => {
    kafka = await startTinyKafka(['recommendations-topic'], ({ key }) => (key === 'bad' ? invalidRecord : undefined));
    const failed = { status: 'failed', reason: expect.stringContaining('The broker rejected the record as invalid.') };
    await expect(publish(['a', 'b', 'bad', 'c'])).resolves.toEqual([
      { status: 'acknowledged' },
      { status: 'acknowledged' },
      failed,
      { status: 'acknowledged' },
    ]);
    expect(kafka.records.map(({ key }) => key)).toEqual(['a', 'b', 'c']);
  });
});
