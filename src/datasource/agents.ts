import { readFile } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { createSecureContext, rootCertificates } from 'node:tls';
import { plainAgent, proxyFor, secureAgent } from '../settings/proxy.js';
import type { Datasource } from './datasource.js';
import { DatasourceError } from './datasource-error.js';

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
