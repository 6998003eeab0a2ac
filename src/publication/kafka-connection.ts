import { readFile } from 'node:fs/promises';
import net from 'node:net';
import tls from 'node:tls';
import axios from 'axios';
import type { ISocketFactory } from 'kafkajs';
import { plainAgent, proxyFor, secureAgent } from '../settings/proxy.js';
import type { Settings } from '../settings/settings-schema.js';
import { PublicationError } from './publication-error.js';

export type ConnectionSettings = Pick<
  Settings,
  | 'KAFKA_BOOTSTRAP_SERVERS'
  | 'KAFKA_CLIENT_ID'
  | 'KAFKA_SECURITY_PROTOCOL'
  | 'KAFKA_SASL_MECHANISM'
  | 'KAFKA_SASL_USERNAME'
  | 'KAFKA_SASL_PASSWORD'
  | 'KAFKA_SASL_TOKEN_ENDPOINT'
  | 'KAFKA_PLAIN_USERNAME'
  | 'KAFKA_PLAIN_PASSWORD'
  | 'KAFKA_SSL_CAFILE'
  | 'KAFKA_SSL_CERTFILE'
  | 'KAFKA_SSL_KEYFILE'
>;

interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Returns the connection options of kafkajs. Reads the PEM files on every call, so that a new connection uses renewed certificates. */
export async function kafkaConnection(settings: ConnectionSettings) {
  const [transport, login] = parts(settings.KAFKA_SECURITY_PROTOCOL);
  return {
    clientId: settings.KAFKA_CLIENT_ID,
    brokers: (settings.KAFKA_BOOTSTRAP_SERVERS ?? []).map(brokerName),
    socketFactory,
    ssl: transport === 'SSL' ? await certificates(settings) : undefined,
    sasl: login ? sasl(settings) : undefined,
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

function parts(protocol: Settings['KAFKA_SECURITY_PROTOCOL']): [transport: 'PLAINTEXT' | 'SSL', hasLogin: boolean] {
  return [protocol.endsWith('SSL') ? 'SSL' : 'PLAINTEXT', protocol.startsWith('SASL')];
}

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

function sasl(settings: ConnectionSettings) {
  const username = settings.KAFKA_SASL_USERNAME ?? settings.KAFKA_PLAIN_USERNAME ?? '';
  const password = settings.KAFKA_SASL_PASSWORD ?? settings.KAFKA_PLAIN_PASSWORD ?? '';
  return mechanisms[settings.KAFKA_SASL_MECHANISM]({ username, password }, settings.KAFKA_SASL_TOKEN_ENDPOINT ?? '');
}

const mechanisms = {
  PLAIN: (login: Credentials) => ({ mechanism: 'plain' as const, ...login }),
  'SCRAM-SHA-256': (login: Credentials) => ({ mechanism: 'scram-sha-256' as const, ...login }),
  'SCRAM-SHA-512': (login: Credentials) => ({ mechanism: 'scram-sha-512' as const, ...login }),
  OAUTHBEARER: ({ username, password }: Credentials, endpoint: string) => ({
    mechanism: 'oauthbearer' as const,
    oauthBearerProvider: tokenSource({ endpoint, clientId: username, clientSecret: password }),
  }),
};

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
      throw new PublicationError(
        'unreachable',
        `KAFKA_SASL_TOKEN_ENDPOINT ${hostOf(endpoint)} can't be reached. Check the address and the network.`,
        { cause },
      );
    });
  if (response.status >= 500)
    throw new PublicationError(
      'unavailable',
      `KAFKA_SASL_TOKEN_ENDPOINT ${hostOf(endpoint)} responded with ${response.status}. It is tried again.`,
    );
  const { access_token: value, expires_in: lifetimeSeconds } = (response.data ?? {}) as { access_token?: unknown; expires_in?: unknown };
  if (response.status !== 200 || typeof value !== 'string') {
    throw new PublicationError(
      'refused-credentials',
      `KAFKA_SASL_TOKEN_ENDPOINT ${hostOf(endpoint)} returned no token (status ${response.status}). Check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.`,
    );
  }
  // Some servers send a string; some send 0 or null if they state no lifetime.
  const lifetimeMs = Number(lifetimeSeconds) > 0 ? Number(lifetimeSeconds) * 1_000 : defaultLifetimeMs;
  return { value, renewAtMs: Date.now() + lifetimeMs - renewBeforeMs };
}

function hostOf(url: string): string {
  return new URL(url).host;
}
