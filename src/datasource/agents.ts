import { readFile } from 'node:fs/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext, rootCertificates } from 'node:tls';
import type { Datasource } from './datasource.js';
import { DatasourceError } from './datasource-error.js';

/** Whom a connection trusts and how it shows itself; PEM texts. */
interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Keep-alive agents, one a datasource. Certificate files are read again for each request and a changed one makes a new agent,
 * so that renewed certificates (cert-manager, service CA) need no restart.
 */
export class Agents {
  private readonly plain = new HttpAgent({ keepAlive: true });
  private readonly secure = new Map<string, { files: string; agent: HttpsAgent }>();

  /** Agents for requests to the datasource itself. */
  async of(datasource: Datasource): Promise<{ httpAgent: HttpAgent; httpsAgent: HttpsAgent }> {
    const isVerified = !datasource.insecureSkipVerify;
    return { httpAgent: this.plain, httpsAgent: this.secureAgent(datasource.name, datasource, await readFiles(datasource), isVerified) };
  }

  /** Agents for the token endpoint: it gets the client's secret, so its certificate is always verified. */
  async ofTokenEndpoint(datasource: Datasource): Promise<{ httpAgent: HttpAgent; httpsAgent: HttpsAgent }> {
    const files = { ca: await readPem(datasource, datasource.caFile) };
    return { httpAgent: this.plain, httpsAgent: this.secureAgent(`${datasource.name} token`, datasource, files, true) };
  }

  /** Closes idle connections. */
  destroy(): void {
    this.plain.destroy();
    for (const { agent } of this.secure.values()) agent.destroy();
  }

  private secureAgent(key: string, datasource: Datasource, files: TlsFiles, isVerified: boolean): HttpsAgent {
    const text = JSON.stringify(files);
    const kept = this.secure.get(key);
    if (kept?.files === text) return kept.agent;
    kept?.agent.destroy();
    const agent = new HttpsAgent({ keepAlive: true, rejectUnauthorized: isVerified, secureContext: secureContext(datasource, files) });
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
