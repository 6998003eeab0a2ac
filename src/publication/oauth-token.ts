import axios from 'axios';
import { plainAgent, proxyFor, secureAgent } from '../settings/proxy.js';
import { PublicationError } from './publication-error.js';

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
