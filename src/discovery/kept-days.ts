import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { type Datasource, identityOf } from '../datasource/datasource.js';
import type { PrometheusSeries } from '../datasource/datasource-client.js';
import { areDays, type Instants } from './plan-discovery.js';
import type { FindContext, QueryUnion } from './series-finder.js';

type Results = readonly (readonly PrometheusSeries[])[];

/** Raise it when results are computed or stored differently, so that results cached by older versions are not used. */
const formatVersion = 1;
const compress = promisify(deflateRaw);
const decompress = promisify(inflateRaw);

/** Caches discovery results of past days, so that the next job queries only newer data (docs/decisions/0012-days-are-discovered-once.md). */
export class KeptDays {
  /** New results to store, by key. */
  readonly fresh = new Map<string, Uint8Array>();

  /** `loaded`: results stored by earlier jobs. */
  constructor(private readonly loaded: ReadonlyMap<string, Uint8Array> = new Map()) {}

  /** Returns the cached results of the key, or else those of `query`, which are cached unless they are partial or completely empty. */
  async find(key: string, context: FindContext, query: (context: FindContext) => Promise<Results>): Promise<Results> {
    const kept = await this.read(key);
    if (kept) return kept;
    const warnings = new Set<string>();
    const results = await query({ ...context, warnings });
    for (const warning of warnings) context.warnings.add(warning);
    if (warnings.size === 0 && results.some(({ length }) => length > 0)) {
      this.fresh.set(key, new Uint8Array(await compress(JSON.stringify(results))));
    }
    return results;
  }

  /** The cached results; undefined if there are none or they cannot be read. */
  private async read(key: string): Promise<Results | undefined> {
    const packed = this.loaded.get(key);
    try {
      return packed && JSON.parse((await decompress(packed)).toString('utf8'));
    } catch {
      return undefined;
    }
  }
}

/**
 * A UUID derived from everything that the results depend on; undefined unless the windows are past days. Samples may arrive up to `overlapSeconds` late,
 * as those of usage.
 */
export function keyOfDays(
  datasource: Datasource,
  queries: readonly QueryUnion[],
  windows: Instants,
  { nowSeconds, overlapSeconds }: { readonly nowSeconds: number; readonly overlapSeconds: number },
): string | undefined {
  const { endSeconds, lengthMs, count } = windows;
  if (!areDays(windows) || endSeconds + overlapSeconds > nowSeconds) return undefined;
  const parts = [formatVersion, identityOf(datasource), queries, endSeconds, lengthMs, count];
  const hex = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
