import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '../settings/read-settings.js';
import { kafkaConnection, tokenSource } from './kafka-connection.js';

const connectionWith = (environment: Record<string, string>) =>
  kafkaConnection(readSettings({ KAFKA_BOOTSTRAP_SERVERS: 'a:9092, b:9092', ...environment }));

describe('kafkaConnection', () => {
  it('uses neither TLS nor SASL by default', async () => {
    await expect(connectionWith({})).resolves.toMatchObject({
      clientId: 'rightsizer',
      brokers: ['a:9092', 'b:9092'],
      ssl: undefined,
      sasl: undefined,
    });
  });

  it.each([
    ['SASL_PLAINTEXT', { KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' }, 'plain'],
    ['SASL_SSL', { KAFKA_PLAIN_USERNAME: 'u', KAFKA_PLAIN_PASSWORD: 'p' }, 'plain'],
    ['SASL_SSL', { KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' }, 'scram-sha-256'],
    ['SASL_SSL', { KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' }, 'scram-sha-512'],
  ])('%s with %j logs in by %s', async (protocol, environment, mechanism) => {
    const connection = await connectionWith({ KAFKA_SECURITY_PROTOCOL: protocol, ...(environment as Record<string, string>) });
    expect(connection.sasl).toEqual({ mechanism, username: 'u', password: 'p' });
    expect(connection.ssl !== undefined).toBe(protocol.endsWith('_SSL'));
  });

  it('reads the PEM files again for every connection', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kafka-connection-'));
    const file = join(folder, 'ca.pem');
    try {
      await writeFile(file, 'one');
      await expect(connectionWith({ KAFKA_SECURITY_PROTOCOL: 'SSL', KAFKA_SSL_CAFILE: file })).resolves.toMatchObject({
        ssl: { ca: 'one' },
      });
      await writeFile(file, 'two');
      await expect(connectionWith({ KAFKA_SECURITY_PROTOCOL: 'SSL', KAFKA_SSL_CAFILE: file })).resolves.toMatchObject({
        ssl: { ca: 'two' },
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('names the setting whose file is missing', async () => {
    const connecting = connectionWith({ KAFKA_SECURITY_PROTOCOL: 'SSL', KAFKA_SSL_CAFILE: '/no/ca.pem' });
    await expect(connecting).rejects.toMatchObject({
      failure: 'unreadable-file',
      message: "KAFKA_SSL_CAFILE: the file /no/ca.pem can't be read. Check that it exists and that this process may read it.",
    });
  });
});

describe('tokenSource', () => {
  let close: () => void = () => {};
  afterEach(() => close());

  async function tokenEndpoint(status: number, responseBody: object): Promise<{ endpoint: string; requests: string[] }> {
    const requests: string[] = [];
    const server = http.createServer((request, response) => {
      let body = '';
      request.on('data', (part) => {
        body += part;
      });
      request.on('end', () => {
        requests.push(`${request.method} ${request.headers.authorization} ${body}`);
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(responseBody));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    close = () => server.close();
    return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`, requests };
  }

  it('uses the client credentials grant and caches the token', async () => {
    const { endpoint, requests } = await tokenEndpoint(200, { access_token: 't1', expires_in: 3_600 });
    const token = tokenSource({ endpoint, clientId: 'id', clientSecret: 'secret' });
    await expect(token()).resolves.toEqual({ value: 't1' });
    await expect(token()).resolves.toEqual({ value: 't1' });
    expect(requests).toEqual([`POST Basic ${Buffer.from('id:secret').toString('base64')} grant_type=client_credentials`]);
  });

  it.each([0, null, undefined, '3600'])('caches a token whose expires_in is %j', async (expires_in) => {
    const { endpoint, requests } = await tokenEndpoint(200, { access_token: 't1', expires_in });
    const token = tokenSource({ endpoint, clientId: 'id', clientSecret: 'secret' });
    await token();
    await token();
    expect(requests).toHaveLength(1);
  });

  it('fetches a new token shortly before expiry', async () => {
    const { endpoint, requests } = await tokenEndpoint(200, { access_token: 't1', expires_in: 10 });
    const token = tokenSource({ endpoint, clientId: 'id', clientSecret: 'secret' });
    await token();
    await token();
    expect(requests).toHaveLength(2);
  });

  it.each([
    [401, {}, 'refused-credentials'],
    [200, { error: 'x' }, 'refused-credentials'],
    [500, {}, 'unavailable'],
    [503, {}, 'unavailable'],
  ])('maps a response %d %j to %s', async (status, responseBody, failure) => {
    const { endpoint } = await tokenEndpoint(status, responseBody);
    await expect(tokenSource({ endpoint, clientId: 'id', clientSecret: 'secret' })()).rejects.toMatchObject({ failure });
  });
});
