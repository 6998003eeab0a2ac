import type { Datasource } from '../datasource/datasource.js';
import type { ReaderProbe } from '../probes/reader-probes.js';

/** What probing a datasource told, or why it is not known. */
export type KnownProbe =
  | Pick<ReaderProbe, 'used' | 'version' | 'reason'>
  | { readonly used?: undefined; readonly version?: undefined; readonly reason: string };

/** A datasource in Kruize's shape (spec: rest-api.md 2.2), without credentials and with how its usage is read. */
export interface ShownDatasource {
  readonly name: string;
  readonly provider: string;
  readonly serviceName?: string;
  readonly namespace?: string;
  readonly url: string;
  readonly authenticationConfig: { readonly type: string };
  readonly usage_reader: {
    readonly configured: string;
    /** `chunks` or `promql`; null where it is not known. */
    readonly used: string | null;
    /** Of the server, as it tells itself; null where it does not. */
    readonly version: string | null;
    readonly reason: string;
  };
}

/** Shows one datasource. */
export function showDatasource(datasource: Datasource, { used, version, reason }: KnownProbe): ShownDatasource {
  const { name, provider, serviceName, namespace, url, authentication, usageReader } = datasource;
  return {
    name,
    provider,
    ...(serviceName && { serviceName }),
    ...(namespace && { namespace }),
    url,
    authenticationConfig: { type: authentication.type.toUpperCase() },
    usage_reader: { configured: usageReader ?? 'auto', used: used ?? null, version: version ?? null, reason },
  };
}
