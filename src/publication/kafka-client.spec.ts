import net from 'node:net';
import { jest } from '@jest/globals';
import { startTinyKafka, type TinyKafka } from '../../test/servers/tiny-kafka.js';
import { readSettings } from '../settings/read-settings.js';
import { KafkaClient } from './kafka-client.js';
import type { Message } from './messages.js';

const messageTo = (topic: string, key: string): Message => ({ kind: 'summary', topic, key, value: `{"of":"${key}"}`, headers: {} });

let kafka: TinyKafka;
let client: KafkaClient;

async function connect(topics: readonly string[], environment: Record<string, string> = {}, refuse?: Parameters<typeof startTinyKafka>[1]) {
  kafka = await startTinyKafka(topics, refuse);
  client = new KafkaClient(readSettings({ KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers, ...environment }));
}

afterEach(async () => {
  await client?.disconnect();
  kafka?.stop();
});

describe('KafkaClient', () => {
  it.each([
    ['gzip', true],
    ['none', false],
  ])('sends each record to its topic with %s compression', async (compression, isCompressed) => {
    await connect(['one', 'other'], { KAFKA_COMPRESSION: compression });
    await client.send('one', [messageTo('one', 'a'), messageTo('one', 'c')]);
    await client.send('other', [messageTo('other', 'b')]);
    expect(kafka.records.map(({ topic, key, value }) => `${topic} ${key} ${value}`).sort()).toEqual([
      'one a {"of":"a"}',
      'one c {"of":"c"}',
      'other b {"of":"b"}',
    ]);
    expect(kafka.records.map((record) => record.isCompressed)).toEqual(Array(3).fill(isCompressed));
    expect(kafka.acks).toEqual([-1, -1]);
  });

  it('connects to a broker at an IPv6 address', async () => {
    await connect(['one']);
    const port = Number(kafka.bootstrapServers.split(':')[1]);
    const server = net.createServer((socket) =>
      socket
        .pipe(net.connect(port, '127.0.0.1'))
        .pipe(socket)
        .on('error', () => socket.destroy()),
    );
    await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
    const viaIpv6 = new KafkaClient(readSettings({ KAFKA_BOOTSTRAP_SERVERS: `[::1]:${(server.address() as net.AddressInfo).port}` }));
    await viaIpv6.send('one', [messageTo('one', 'a')]);
    await viaIpv6.disconnect();
    server.close();
    expect(kafka.records.map(({ key }) => key)).toEqual(['a']);
  });

  it('reconnects after a failed connection', async () => {
    await connect(['one']);
    const port = Number(kafka.bootstrapServers.split(':')[1]);
    const sockets: net.Socket[] = [];
    let isUp = false;
    const server = net.createServer((socket) => {
      sockets.push(socket.on('error', () => undefined));
      if (!isUp) return socket.destroy();
      return socket.pipe(net.connect(port, '127.0.0.1')).pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxied = new KafkaClient(readSettings({ KAFKA_BOOTSTRAP_SERVERS: `127.0.0.1:${(server.address() as net.AddressInfo).port}` }));
    await expect(proxied.send('one', [messageTo('one', 'a')])).rejects.toThrow();
    isUp = true;
    await proxied.send('one', [messageTo('one', 'b')]);
    await proxied.disconnect();
    for (const socket of sockets) socket.destroy();
    server.close();
    expect(kafka.records.map(({ key }) => key)).toEqual(['b']);
  });

  it('creates missing topics and leaves the others unchanged', async () => {
    await connect(['one'], { KAFKA_TOPIC_PARTITIONS: '3' });
    await client.ensureTopics(['one', 'other']);
    expect(Object.fromEntries(kafka.topics)).toEqual({ one: 1, other: 3 });
  });

  it('accepts existing topics if it may not create any', async () => {
    await connect(['one'], { KAFKA_CREATE_TOPICS: 'false' });
    await client.ensureTopics(['one']);
    expect(client.trouble).toBeUndefined();
  });

  it('reports a missing topic that it may not create, and sends to the others', async () => {
    await connect(['one'], { KAFKA_CREATE_TOPICS: 'false' });
    await client.ensureTopics(['one', 'other']);
    const message = 'Topic other does not exist and KAFKA_CREATE_TOPICS is false. Create the topic or set KAFKA_CREATE_TOPICS=true.';
    await expect(client.send('other', [messageTo('other', 'a')])).rejects.toMatchObject({ failure: 'topic-missing', message });
    await client.send('one', [messageTo('one', 'b')]);
    expect([client.trouble, client.topicTroubles, kafka.topics.size]).toMatchObject([undefined, [{ message }], 1]);
    kafka.topics.set('other', 1);
    await client.ensureTopics(['one', 'other']);
    await client.send('other', [messageTo('other', 'c')]);
    expect([client.topicTroubles, kafka.records.length]).toEqual([[], 2]);
  });

  it('reports a topic that it is not authorized to write to, and retries it after a pause', async () => {
    const topicAuthorizationFailed = 29;
    let isRefused = true;
    await connect(['one', 'other'], {}, ({ topic }) => (isRefused && topic === 'other' ? topicAuthorizationFailed : undefined));
    await expect(client.send('other', [messageTo('other', 'a')])).rejects.toMatchObject({
      failure: 'not-authorized',
      message: expect.stringMatching(
        /^Topic other cannot be written\. .* ACLs and policies\. The brokers reported TOPIC_AUTHORIZATION_FAILED: /,
      ),
      isAboutTopic: true,
    });
    isRefused = false;
    const before = kafka.connections();
    await client.send('one', [messageTo('one', 'b')]);
    // A client requests metadata of all topics that it has sent to, so the refused topic would fail the others. It is replaced.
    expect(kafka.connections()).toBeGreaterThan(before);
    await expect(client.send('other', [messageTo('other', 'c')])).rejects.toMatchObject({ failure: 'not-authorized' });
    const now = performance.now();
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now + 11_000);
    await client.send('other', [messageTo('other', 'd')]);
    clock.mockRestore();
    expect([client.topicTroubles, kafka.records.map(({ key }) => key)]).toEqual([[], ['b', 'd']]);
  });
});
