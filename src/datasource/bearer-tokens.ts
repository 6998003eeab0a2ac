import { readFile } from 'node:fs/promises';
import axios from 'axios';
import { z } from 'zod';
import type { Agents } from './agents.js';
import { failureOfCode, failureOfStatus } from './classify-failure.js';
import type { Authentication, Datasource } from './datasource.js';
import { DatasourceError } from './datasource-error.js';

type OAuth2 = Extract<Authentication, { type: 'oauth2' }>;

/** RFC 6749 section 5.1. `expires_in` in seconds; some servers send it as text, some 0 or null where they name no time. */
const tokenAnswerSchema = z.object({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive().optional().catch(undefined),
});

/** A token is renewed this long before it expires, so that none expires on its way. */
const renewEarlyMs = 30_000;
/** Life of a token whose answer names none. */
const defaultLifeSeconds = 300;

/** Tokens of the OAuth 2 client credentials grant, kept until they expire: one request a token, however many ask at once. */
export class BearerTokens {
  private readonly kept = new Map<string, { token: Promise<string>; expiresAtMs: number }>();

  constructor(
    private readonly agents: Agents,
    private readonly timeoutMs: number,
  ) {}

  async tokenFor(datasource: Datasource, authentication: OAuth2): Promise<string> {
    const kept = this.kept.get(datasource.name);
    if (kept && Date.now() < kept.expiresAtMs) return kept.token;
    const entry = { token: Promise.resolve(''), expiresAtMs: Number.POSITIVE_INFINITY };
    entry.token = this.ask(datasource, authentication).then(({ access_token, expires_in = defaultLifeSeconds }) => {
      const lifeMs = expires_in * 1000;
      entry.expiresAtMs = Date.now() + lifeMs - Math.min(renewEarlyMs, lifeMs / 2);
      return access_token;
    });
    this.kept.set(datasource.name, entry);
    entry.token.catch(() => this.forget(datasource));
    return entry.token;
  }

  /** Whether there was a kept token, which the datasource may have revoked; the next request asks for a new one. */
  forget(datasource: Datasource): boolean {
    return this.kept.delete(datasource.name);
  }

  private async ask(datasource: Datasource, { tokenEndpoint, clientId, clientSecret, scope }: OAuth2) {
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, ...(scope && { scope }) };
    const who = `The token endpoint of datasource ${datasource.name} (${withoutSecrets(tokenEndpoint)})`;
    const { status, data } = await axios
      .post<string>(tokenEndpoint, new URLSearchParams(form), {
        ...(await this.agents.ofTokenEndpoint(datasource, tokenEndpoint)),
        headers: { accept: 'application/json' },
        responseType: 'text',
        transformResponse: (body: string) => body,
        timeout: this.timeoutMs,
        maxContentLength: 1_000_000,
        maxRedirects: 0,
        proxy: false,
        validateStatus: null,
      })
      .catch((error: { code?: string }) => {
        const failure = error.code === 'ECONNABORTED' ? 'timeout' : failureOfCode(error.code ?? '');
        throw new DatasourceError(failure, `${who} gave no answer (${error.code}). Check tokenEndpoint and that it runs.`);
      });
    if (status < 200 || status > 299) {
      const failure = status === 400 ? 'refused-credentials' : failureOfStatus(status, '');
      throw new DatasourceError(failure, `${who} answered ${status}. Check clientId, clientSecret and scope.`);
    }
    return readTokenAnswer(who, data);
  }
}

function readTokenAnswer(who: string, body: string): z.output<typeof tokenAnswerSchema> {
  try {
    return tokenAnswerSchema.parse(JSON.parse(body));
  } catch {
    throw new DatasourceError('not-json', `${who} answered without a token. Check tokenEndpoint: it must answer JSON with access_token.`);
  }
}

/** First line of a token file. It is read for each request: Kubernetes renews service account tokens. */
export async function readTokenFile(datasource: Datasource, path: string): Promise<string> {
  const content = await readFile(path, 'utf8').catch((cause) => {
    const message = `Datasource ${datasource.name}: cannot read its token file ${path}. Correct tokenFilePath or the file's rights.`;
    throw new DatasourceError('refused-credentials', message, { cause });
  });
  const token = content.split(/\r?\n/, 1)[0]?.trim();
  if (token) return token;
  throw new DatasourceError('refused-credentials', `Datasource ${datasource.name}: its token file ${path} is empty.`);
}

function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
