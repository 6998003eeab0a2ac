import { readSettings } from '../settings/read-settings.js';
import { KafkaClient } from './kafka-client.js';
import { jobFailureMessage, summaryMessage } from './messages.js';
import { Publisher } from './publisher.js';

const time = '2026-11-21T03:30:36.165Z';

/** Port 9 (discard) of this machine: nobody listens. */
const nobody = { KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:9' };

function publisherWith(environment: Record<string, string>) {
  const settings = readSettings(environment);
  return { settings, publisher: new Publisher(new KafkaClient(settings), settings) };
}

describe('Publisher', () => {
  it('is off and ready without bootstrap servers', () => {
    const { publisher } = publisherWith({});
    expect(publisher.isOn).toBe(false);
    expect(publisher.state()).toEqual({ ready: true });
  });

  it('is not ready before Kafka was reached', () => {
    const { publisher } = publisherWith(nobody);
    expect(publisher.isOn).toBe(true);
    expect(publisher.state()).toEqual({ ready: false, reason: 'Kafka: Kafka is not connected yet.' });
  });

  it('leaves out what KAFKA_TOPICS leaves out, and refuses what is too large for Kafka in any form', async () => {
    const { publisher, settings } = publisherWith({ ...nobody, KAFKA_TOPICS: 'summary-topic', KAFKA_MAX_RECORD_BYTES: '10000' });
    const summary = summaryMessage({ jobId: 'j', time, summary: { status: 'x'.repeat(20_000) } }, settings);
    const jobFailure = jobFailureMessage({ jobId: 'j', time, notifications: {} }, settings);
    await expect(publisher.publish([summary, jobFailure])).resolves.toEqual([
      { status: 'failed', reason: expect.stringMatching(/^The record has 20\d{3} bytes, KAFKA_MAX_RECORD_BYTES is 10000\.$/) },
      { status: 'left-out', reason: 'Topic error-topic is not in KAFKA_TOPICS.' },
    ]);
  });

  it('decides nothing when Kafka is away', async () => {
    const { publisher, settings } = publisherWith(nobody);
    const message = summaryMessage({ jobId: 'j', time, summary: {} }, settings);
    await expect(publisher.publish([message])).rejects.toMatchObject({
      name: 'PublicationError',
      failure: 'unreachable',
      isTransient: true,
    });
    expect(publisher.state()).toMatchObject({ ready: false });
    await publisher.onApplicationShutdown();
  }, 15_000);

  it('sends nothing after the shutdown', async () => {
    const { publisher, settings } = publisherWith(nobody);
    await publisher.onApplicationShutdown();
    const message = summaryMessage({ jobId: 'j', time, summary: {} }, settings);
    await expect(publisher.publish([message])).rejects.toMatchObject({ failure: 'closed' });
  });
});
