/** How requests to a datasource are authenticated (Kruize: design/KruizeDatasource.md). */
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

/** How usage is read from a datasource: raw chunks by remote read, PromQL, or the best that it supports. */
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
  /** If true, the server's certificate is not verified. Default false. */
  readonly insecureSkipVerify: boolean;
  /** PEM file of the server's certificate authority. */
  readonly caFile?: string;
  /** Default `auto`. */
  readonly usageReader?: UsageReaderName;
}

/** Identifies a datasource in cache keys: two datasources with the same identity have the same samples. */
export function identityOf({ name, url, authentication }: Datasource): unknown {
  return [name, url, tenantOf(authentication)];
}

/** The part of the credentials that selects the tenant, as one URL may serve many tenants. Without passwords and tokens, which change while the samples stay the same. */
function tenantOf(authentication: Authentication): unknown {
  if (authentication.type === 'basic') return authentication.username;
  if (authentication.type === 'api_key') return [authentication.header, authentication.apiKey];
  return authentication.type === 'oauth2' ? authentication.clientId : undefined;
}
