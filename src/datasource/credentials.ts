import { readFile } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { createSecureContext, rootCertificates } from 'node:tls';
import axios from 'axios';
import { z } from 'zod';
import { plainAgent, proxyFor, secureAgent } from '../settings/proxy.js';
import type { Authentication, Datasource } from './datasource.js';
import { DatasourceError, failureOfCode, failureOfStatus } from './datasource-error.js';

/** The headers that show who asks. Rejects with a DatasourceError where a token file or token endpoint gives no token. */
export async function authorize(datasource: Datasource, tokens: BearerTokens): Promise<Record<string, string>> {
  const { authentication } = datasource;
  switch (authentication.type) {
    case 'basic':
      return { authorization: `Basic ${Buffer.from(`${authentication.username}:${authentication.password}`).toString('base64')}` };
    case 'bearer':
      return { authorization: `Bearer ${authentication.token ?? (await readTokenFile(datasource, authentication.tokenFilePath ?? ''))}` };
    case 'oauth2':
      return { authorization: `Bearer ${await tokens.tokenFor(datasource, authentication)}` };
    case 'api_key':
      return { [authentication.header]: authentication.apiKey };
    case 'none':
    case 'mtls':
      return {};
  }
}

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

/** Whom a connection trusts and how it shows itself; PEM texts. */
interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** How TLS is spoken; `key` tells uses of one datasource apart. */
interface TlsUse {
  readonly key: string;
  readonly datasource: Datasource;
  readonly files: TlsFiles;
  readonly isVerified: boolean;
}

/**
 * Keep-alive agents, one a datasource. Certificate files are read again for each request and a changed one makes a new agent,
 * so that renewed certificates (cert-manager, service CA) need no restart. They go through the proxy that the environment names.
 */
export class Agents {
  private readonly plain = new Map<string | undefined, Agent>();
  private readonly secure = new Map<string, { files: string; agent: Agent }>();

  /** Agents for requests to the datasource itself. */
  async of(datasource: Datasource): Promise<{ httpAgent: Agent; httpsAgent: Agent }> {
    const { name, url } = datasource;
    return this.towards(url, { key: name, datasource, files: await readFiles(datasource), isVerified: !datasource.insecureSkipVerify });
  }

  /** Agents for the token endpoint: it gets the client's secret, so its certificate is always verified. */
  async ofTokenEndpoint(datasource: Datasource, url: string): Promise<{ httpAgent: Agent; httpsAgent: Agent }> {
    const files = { ca: await readPem(datasource, datasource.caFile) };
    return this.towards(url, { key: `${datasource.name} token`, datasource, files, isVerified: true });
  }

  /** Closes idle connections. */
  destroy(): void {
    for (const agent of this.plain.values()) agent.destroy();
    for (const { agent } of this.secure.values()) agent.destroy();
  }

  private towards(url: string, tls: TlsUse): { httpAgent: Agent; httpsAgent: Agent } {
    const proxy = proxyFor(url);
    return { httpAgent: this.plainAgent(proxy), httpsAgent: this.secureAgent(proxy, tls) };
  }

  private plainAgent(proxy: string | undefined): Agent {
    const agent = this.plain.get(proxy) ?? plainAgent(proxy, { keepAlive: true });
    this.plain.set(proxy, agent);
    return agent;
  }

  private secureAgent(proxy: string | undefined, { key, datasource, files, isVerified }: TlsUse): Agent {
    const text = JSON.stringify(files);
    const kept = this.secure.get(key);
    if (kept?.files === text) return kept.agent;
    kept?.agent.destroy();
    const agent = secureAgent(proxy, { keepAlive: true, rejectUnauthorized: isVerified, secureContext: secureContext(datasource, files) });
    this.secure.set(key, { files: text, agent });
    return agent;
  }
}

/** Made once an agent: parsing some 150 root certificates for each connection takes longer than most queries. A given authority is trusted beside them. */
function secureContext(datasource: Datasource, { ca, cert, key }: TlsFiles) {
  const { authentication } = datasource;
  const passphrase = authentication.type === 'mtls' ? authentication.keyPassword : undefined;
  try {
    return createSecureContext({ ca: ca && [...rootCertificates, ca], cert, key, passphrase });
  } catch (error) {
    const message = `Datasource ${datasource.name}: its certificate files cannot be used (${(error as Error).message}). Correct its entry.`;
    throw new DatasourceError('refused-credentials', message);
  }
}

async function readFiles(datasource: Datasource): Promise<TlsFiles> {
  const { authentication, caFile } = datasource;
  if (authentication.type !== 'mtls') return { ca: await readPem(datasource, caFile) };
  const { caCertPath, clientCertPath, clientKeyPath } = authentication;
  const paths = [caFile ?? caCertPath, clientCertPath, clientKeyPath];
  const [ca, cert, key] = await Promise.all(paths.map((path) => readPem(datasource, path)));
  return { ca, cert, key };
}

async function readPem(datasource: Datasource, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  return readFile(path, 'utf8').catch((cause) => {
    const message = `Datasource ${datasource.name}: cannot read its certificate file ${path}. Correct its entry or the file's rights.`;
    throw new DatasourceError('refused-credentials', message, { cause });
  });
}
