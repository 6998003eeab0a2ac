import { readFile } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { createSecureContext, rootCertificates } from 'node:tls';
import axios from 'axios';
import { z } from 'zod';
import { plainAgent, proxyFor, secureAgent } from '../settings/proxy.js';
import type { Authentication, Datasource } from './datasource.js';
import { DatasourceError, failureOfCode, failureOfStatus } from './datasource-error.js';

/** Returns the authentication headers. Rejects with a DatasourceError if there is no token from a token file or token endpoint. */
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

/** Token response (RFC 6749 section 5.1). `expires_in` is in seconds. Some servers send it as a string; some send 0 or null if they state no lifetime. */
const tokenResponseSchema = z.object({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive().optional().catch(undefined),
});

/** Tokens are renewed this long before expiry, so that none expires in transit. */
const renewEarlyMs = 30_000;
/** Lifetime of a token whose response does not state one. */
const defaultLifetimeSeconds = 300;

/** Tokens of the OAuth 2 client credentials grant, cached until they expire. Concurrent callers share one request. */
export class BearerTokens {
  private readonly cached = new Map<string, { token: Promise<string>; expiresAtMs: number }>();

  constructor(
    private readonly agents: Agents,
    private readonly timeoutMs: number,
  ) {}

  async tokenFor(datasource: Datasource, authentication: OAuth2): Promise<string> {
    const cached = this.cached.get(datasource.name);
    if (cached && Date.now() < cached.expiresAtMs) return cached.token;
    const entry = { token: Promise.resolve(''), expiresAtMs: Number.POSITIVE_INFINITY };
    entry.token = this.requestToken(datasource, authentication).then(({ access_token, expires_in = defaultLifetimeSeconds }) => {
      const lifetimeMs = expires_in * 1000;
      entry.expiresAtMs = Date.now() + lifetimeMs - Math.min(renewEarlyMs, lifetimeMs / 2);
      return access_token;
    });
    this.cached.set(datasource.name, entry);
    entry.token.catch(() => this.forget(datasource));
    return entry.token;
  }

  /** Drops the cached token, which the datasource may have revoked; returns whether there was one. */
  forget(datasource: Datasource): boolean {
    return this.cached.delete(datasource.name);
  }

  private async requestToken(datasource: Datasource, { tokenEndpoint, clientId, clientSecret, scope }: OAuth2) {
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
        throw new DatasourceError(failure, `${who} did not respond (${error.code}). Check tokenEndpoint and that the server runs.`);
      });
    if (status < 200 || status > 299) {
      const failure = status === 400 ? 'refused-credentials' : failureOfStatus(status, '');
      throw new DatasourceError(failure, `${who} responded with ${status}. Check clientId, clientSecret and scope.`);
    }
    return readTokenResponse(who, data);
  }
}

function readTokenResponse(who: string, body: string): z.output<typeof tokenResponseSchema> {
  try {
    return tokenResponseSchema.parse(JSON.parse(body));
  } catch {
    throw new DatasourceError('not-json', `${who} sent no token. Check tokenEndpoint: it must return JSON with access_token.`);
  }
}

/** Returns the first line of a token file. It is read for each request, because Kubernetes renews service account tokens. */
export async function readTokenFile(datasource: Datasource, path: string): Promise<string> {
  const content = await readFile(path, 'utf8').catch((cause) => {
    const message = `Datasource ${datasource.name}: cannot read its token file ${path}. Correct tokenFilePath or the permissions of the file.`;
    throw new DatasourceError('refused-credentials', message, { cause });
  });
  const token = content.split(/\r?\n/, 1)[0]?.trim();
  if (token) return token;
  throw new DatasourceError(
    'refused-credentials',
    `Datasource ${datasource.name}: its token file ${path} is empty. Write the token into it.`,
  );
}

function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** CA certificate, client certificate and client key in PEM format. */
interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** TLS parameters of an agent. `key` identifies the agent: a datasource has one for itself and one for its token endpoint. */
interface TlsOptions {
  readonly key: string;
  readonly datasource: Datasource;
  readonly files: TlsFiles;
  readonly isVerified: boolean;
}

type AgentOption = { readonly httpAgent: Agent } | { readonly httpsAgent: Agent };

/**
 * Keep-alive agents, one per datasource. Certificate files are read for each request, and a changed file creates a new agent, so that renewed
 * certificates (cert-manager, service CA) need no restart. Agents use the proxy from the environment variables.
 */
export class Agents {
  private readonly plain = new Map<string | undefined, Agent>();
  private readonly secure = new Map<string, { files: string; agent: Agent }>();

  /** Axios' option with the agent for requests to the datasource itself. */
  async of(datasource: Datasource): Promise<AgentOption> {
    const { name, url } = datasource;
    return this.agentFor(url, { key: name, datasource, files: await readFiles(datasource), isVerified: !datasource.insecureSkipVerify });
  }

  /** Axios' option with the agent for the token endpoint. It receives the client secret, so its certificate is always verified. */
  async ofTokenEndpoint(datasource: Datasource, url: string): Promise<AgentOption> {
    const files = { ca: await readPem(datasource, datasource.caFile) };
    return this.agentFor(url, { key: `${datasource.name} token`, datasource, files, isVerified: true });
  }

  /** Closes idle connections. */
  destroy(): void {
    for (const agent of this.plain.values()) agent.destroy();
    for (const { agent } of this.secure.values()) agent.destroy();
  }

  private agentFor(url: string, tls: TlsOptions): AgentOption {
    const proxy = proxyFor(url);
    return url.startsWith('https:') ? { httpsAgent: this.secureAgent(proxy, tls) } : { httpAgent: this.plainAgent(proxy) };
  }

  private plainAgent(proxy: string | undefined): Agent {
    const agent = this.plain.get(proxy) ?? plainAgent(proxy, { keepAlive: true });
    this.plain.set(proxy, agent);
    return agent;
  }

  private secureAgent(proxy: string | undefined, { key, datasource, files, isVerified }: TlsOptions): Agent {
    const text = JSON.stringify(files);
    const cached = this.secure.get(key);
    if (cached?.files === text) return cached.agent;
    cached?.agent.destroy();
    const agent = secureAgent(proxy, { keepAlive: true, rejectUnauthorized: isVerified, secureContext: secureContext(datasource, files) });
    this.secure.set(key, { files: text, agent });
    return agent;
  }
}

/** Created once per agent: parsing about 150 root certificates for each connection takes longer than most queries. A CA of the datasource is trusted in addition. */
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
    const message = `Datasource ${datasource.name}: cannot read its certificate file ${path}. Correct its entry or the permissions of the file.`;
    throw new DatasourceError('refused-credentials', message, { cause });
  });
}
