/** How requests to a datasource are authenticated (spec: bulk-and-kafka.md 7.2). */
export type Authentication =
  | { readonly type: 'none' }
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  | { readonly type: 'bearer'; readonly token?: string; readonly tokenFilePath?: string }
  | { readonly type: 'api_key'; readonly apiKey: string; readonly header: string }
  | {
      readonly type: 'oauth2';
      readonly tokenEndpoint: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope?: string;
    }
  | {
      readonly type: 'mtls';
      readonly clientCertPath: string;
      readonly clientKeyPath: string;
      readonly caCertPath?: string;
      readonly keyPassword?: string;
    };

/** How usage is read from a datasource: raw chunks by remote read, PromQL, or whichever it can do best. */
export const usageReaders = ['auto', 'chunks', 'promql'] as const;
export type UsageReaderName = (typeof usageReaders)[number];

/** A Prometheus-like server that usage is read from. */
export interface Datasource {
  readonly name: string;
  readonly provider: 'prometheus' | 'thanos';
  /** Without a trailing slash. */
  readonly url: string;
  readonly serviceName?: string;
  readonly namespace?: string;
  readonly authentication: Authentication;
  /** True only where the entry says so: the server's certificate is not verified. */
  readonly insecureSkipVerify: boolean;
  /** PEM file of the server's certificate authority. */
  readonly caFile?: string;
  /** Absent = `auto`. */
  readonly usageReader?: UsageReaderName;
}

/** What tells apart the datasources whose samples differ: to be put into keys under which answers are kept. */
export function identityOf({ name, url, authentication }: Datasource): unknown {
  return [name, url, tenantOf(authentication)];
}

/** What of the credentials decides whose samples are answered: one address serves many tenants. Passwords and tokens change, samples do not. */
function tenantOf(authentication: Authentication): unknown {
  if (authentication.type === 'basic') return authentication.username;
  if (authentication.type === 'api_key') return [authentication.header, authentication.apiKey];
  return authentication.type === 'oauth2' ? authentication.clientId : undefined;
}
