import { readFile } from 'node:fs/promises';
import net from 'node:net';
import tls from 'node:tls';
import axios from 'axios';
import type { ISocketFactory, SASLOptions } from 'kafkajs';
import { plainAgent, proxyFor, secureAgent } from '../settings/proxy.js';
import type { Settings } from '../settings/settings-schema.js';
import { PublicationError } from './publication-error.js';

export type ConnectionSettings = Pick<
  Settings,
  | 'KAFKA_BOOTSTRAP_SERVERS'
  | 'KAFKA_CLIENT_ID'
  | 'KAFKA_SECURITY_PROTOCOL'
  | Extract<keyof Settings, `KAFKA_${'SASL' | 'PLAIN' | 'SSL'}_${string}`>
>;

/** Returns the connection options of kafkajs. Reads the PEM files on every call, so that a new connection uses renewed certificates. */
export async function kafkaConnection(settings: ConnectionSettings) {
  const protocol = settings.KAFKA_SECURITY_PROTOCOL;
  return {
    clientId: settings.KAFKA_CLIENT_ID,
    brokers: (settings.KAFKA_BOOTSTRAP_SERVERS ?? []).map(brokerName),
    socketFactory,
    ssl: protocol.endsWith('SSL') ? await certificates(settings) : undefined,
    sasl: protocol.startsWith('SASL') ? sasl(settings) : undefined,
  };
}

/** kafkajs splits a broker's address at the first colon, so an IPv6 address is passed as a name without colons: `::1` as `--1.ipv6-literal.net`. */
const literalDomain = '.ipv6-literal.net';

function brokerName(broker: string): string {
  const [, address, port] = /^\[(.+)\]:(\d+)$/.exec(broker) ?? [];
  return address === undefined ? broker : `${address.replaceAll(':', '-')}${literalDomain}:${port}`;
}

/** Connects as kafkajs' default factory does, but turns these names back into IPv6 addresses. */
const socketFactory: ISocketFactory = ({ host: name, port, ssl, onConnect }) => {
  const host = name.endsWith(literalDomain) ? name.slice(0, -literalDomain.length).replaceAll('-', ':') : name;
  const servername = net.isIP(host) ? {} : { servername: host };
  const socket = ssl ? tls.connect({ host, port, ...servername, ...ssl }, onConnect) : net.connect({ host, port }, onConnect);
  return socket.setKeepAlive(true, keepAliveMs);
};

const keepAliveMs = 60_000;

async function certificates({ KAFKA_SSL_CAFILE, KAFKA_SSL_CERTFILE, KAFKA_SSL_KEYFILE }: ConnectionSettings) {
  return {
    ca: await pem('KAFKA_SSL_CAFILE', KAFKA_SSL_CAFILE),
    cert: await pem('KAFKA_SSL_CERTFILE', KAFKA_SSL_CERTFILE),
    key: await pem('KAFKA_SSL_KEYFILE', KAFKA_SSL_KEYFILE),
  };
}

async function pem(setting: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new PublicationError(
      'unreadable-file',
      `${setting}: the file ${path} can't be read. Check that it exists and that this process may read it.`,
      { cause },
    );
  });
}

function sasl(settings: ConnectionSettings): SASLOptions {
  const username = settings.KAFKA_SASL_USERNAME ?? settings.KAFKA_PLAIN_USERNAME ?? '';
  const password = settings.KAFKA_SASL_PASSWORD ?? settings.KAFKA_PLAIN_PASSWORD ?? '';
  const mechanism = settings.KAFKA_SASL_MECHANISM;
  if (mechanism !== 'OAUTHBEARER') return { mechanism: mechanism.toLowerCase(), username, password } as SASLOptions;
  const token = { endpoint: settings.KAFKA_SASL_TOKEN_ENDPOINT ?? '', clientId: username, clientSecret: password };
  return { mechanism: 'oauthbearer', oauthBearerProvider: tokenSource(token) };
}

/** Endpoint and credentials of a token request (OAuth 2.0 client credentials grant, RFC 6749 section 4.4). */
export interface TokenRequest {
  readonly endpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

const timeoutMs = 5_000;
/** Tokens are renewed this long before expiry, so that none expires in transit. */
const renewBeforeMs = 30_000;
/** Lifetime of a token whose response does not state one. */
const defaultLifetimeMs = 300_000;

/** Returns a function that fetches a token and caches it until shortly before expiry. It rejects with a PublicationError. */
export function tokenSource(request: TokenRequest): () => Promise<{ value: string }> {
  let cached = { value: '', renewAtMs: 0 };
  return async () => {
    if (Date.now() >= cached.renewAtMs) cached = await fetchToken(request);
    return { value: cached.value };
  };
}

async function fetchToken({ endpoint, clientId, clientSecret }: TokenRequest): Promise<{ value: string; renewAtMs: number }> {
  const { host } = new URL(endpoint);
  const response = await axios
    .post<unknown>(endpoint, new URLSearchParams({ grant_type: 'client_credentials' }), {
      auth: { username: clientId, password: clientSecret },
      httpAgent: plainAgent(proxyFor(endpoint), {}),
      httpsAgent: secureAgent(proxyFor(endpoint), {}),
      proxy: false,
      timeout: timeoutMs,
      maxRedirects: 0,
      validateStatus: () => true,
    })
    .catch((cause: unknown) => {
      throw new PublicationError('unreachable', `KAFKA_SASL_TOKEN_ENDPOINT ${host} can't be reached. Check the address and the network.`, {
        cause,
      });
    });
  if (response.status >= 500)
    throw new PublicationError('unavailable', `KAFKA_SASL_TOKEN_ENDPOINT ${host} responded with ${response.status}. It is tried again.`);
  const { access_token: value, expires_in: lifetimeSeconds } = (response.data ?? {}) as { access_token?: unknown; expires_in?: unknown };
  if (response.status !== 200 || typeof value !== 'string') {
    throw new PublicationError(
      'refused-credentials',
      `KAFKA_SASL_TOKEN_ENDPOINT ${host} returned no token (status ${response.status}). Check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.`,
    );
  }
  // Some servers send a string; some send 0 or null if they state no lifetime.
  const lifetimeMs = Number(lifetimeSeconds) > 0 ? Number(lifetimeSeconds) * 1_000 : defaultLifetimeMs;
  return { value, renewAtMs: Date.now() + lifetimeMs - renewBeforeMs };
}
