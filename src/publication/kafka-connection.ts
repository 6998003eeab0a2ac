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

/** Brokers, TLS and SASL as the Kafka client takes them. Reads the PEM files anew, so that renewed ones are taken at the next connection. */
export async function kafkaConnection(settings: ConnectionSettings) {
  const [transport, login] = parts(settings.KAFKA_SECURITY_PROTOCOL);
  return {
    clientId: settings.KAFKA_CLIENT_ID,
    brokers: (settings.KAFKA_BOOTSTRAP_SERVERS ?? []).map(withoutColons),
    socketFactory,
    ssl: transport === 'SSL' ? await certificates(settings) : undefined,
    sasl: login ? sasl(settings) : undefined,
  };
}

/** kafkajs splits a broker's address at its first colon, so an IPv6 address is written as a name without any: `::1` as `--1.ipv6-literal.net`. */
const literalDomain = '.ipv6-literal.net';

function withoutColons(broker: string): string {
  const [, address, port] = /^\[(.+)\]:(\d+)$/.exec(broker) ?? [];
  return address === undefined ? broker : `${address.replaceAll(':', '-')}${literalDomain}:${port}`;
}

/** As kafkajs connects by itself, with such names read back. */
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
    throw new PublicationError('unreadable-file', `${setting}: the file ${path} can't be read.`, { cause });
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

/** Where and as whom a token is asked for (OAuth 2.0 client credentials grant, RFC 6749 4.4). */
export interface TokenRequest {
  readonly endpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

const timeoutMs = 5_000;
/** A token is renewed this long before it expires, so that none expires on its way. */
const renewBeforeMs = 30_000;
/** Life of a token whose answer names none. */
const unnamedLifetimeMs = 300_000;

/** Gives tokens and keeps each until shortly before it expires. Rejects with a PublicationError. */
export function tokenSource(request: TokenRequest): () => Promise<{ value: string }> {
  let held = { value: '', renewAtMs: 0 };
  return async () => {
    if (Date.now() >= held.renewAtMs) held = await fetchToken(request);
    return { value: held.value };
  };
}

async function fetchToken({ endpoint, clientId, clientSecret }: TokenRequest): Promise<{ value: string; renewAtMs: number }> {
  const answer = await axios
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
      throw new PublicationError('unreachable', `KAFKA_SASL_TOKEN_ENDPOINT ${hostOf(endpoint)} can't be reached.`, { cause });
    });
  if (answer.status >= 500)
    throw new PublicationError('unavailable', `KAFKA_SASL_TOKEN_ENDPOINT ${hostOf(endpoint)} answered ${answer.status}.`);
  const { access_token: value, expires_in: lifetimeSeconds } = (answer.data ?? {}) as { access_token?: unknown; expires_in?: unknown };
  if (answer.status !== 200 || typeof value !== 'string') {
    throw new PublicationError(
      'refused-credentials',
      `KAFKA_SASL_TOKEN_ENDPOINT ${hostOf(endpoint)} gave no token, it answered ${answer.status}.`,
    );
  }
  // Some servers send a text, some 0 or null where they name no time.
  const lifetimeMs = Number(lifetimeSeconds) > 0 ? Number(lifetimeSeconds) * 1_000 : unnamedLifetimeMs;
  return { value, renewAtMs: Date.now() + lifetimeMs - renewBeforeMs };
}

function hostOf(url: string): string {
  return new URL(url).host;
}
