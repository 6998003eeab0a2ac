import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { type Datasource, identityOf } from '../datasource/datasource.js';
import type { PrometheusSeries } from '../datasource/datasource-client.js';
import { areDays, type Instants } from './plan-discovery.js';
import type { Asking, Question } from './series-finder.js';

type Answers = readonly (readonly PrometheusSeries[])[];

/** Raise it when results are computed or laid out differently: results that were kept before are then not found. */
const formatVersion = 1;
const compress = promisify(deflateRaw);
const decompress = promisify(inflateRaw);

/** The results of one discovery about days that are over, so that the next job queries only what is new (docs/decisions/0012-days-are-discovered-once.md). */
export class KeptDays {
  /** Results to keep, by their keys. */
  readonly fresh = new Map<string, Uint8Array>();

  /** `loaded`: what earlier jobs kept. */
  constructor(private readonly loaded: ReadonlyMap<string, Uint8Array> = new Map()) {}

  /** The kept results of the key; else those of `ask`, which are kept unless they are partial or completely empty. */
  async find(key: string, asking: Asking, ask: (asking: Asking) => Promise<Answers>): Promise<Answers> {
    const kept = await this.read(key);
    if (kept) return kept;
    const warnings = new Set<string>();
    const answers = await ask({ ...asking, warnings });
    for (const warning of warnings) asking.warnings.add(warning);
    if (warnings.size === 0 && answers.some(({ length }) => length > 0)) {
      this.fresh.set(key, new Uint8Array(await compress(JSON.stringify(answers))));
    }
    return answers;
  }

  /** The kept results; undefined if there are none, or if they cannot be read: then they are replaced. */
  private async read(key: string): Promise<Answers | undefined> {
    const packed = this.loaded.get(key);
    try {
      return packed && JSON.parse((await decompress(packed)).toString('utf8'));
    } catch {
      return undefined;
    }
  }
}

/**
 * A UUID of everything that results depend on; undefined if they are not about days that are over. Samples may come late by `overlapSeconds`, as usage may.
 */
export function keyOfDays(
  datasource: Datasource,
  questions: readonly Question[],
  windows: Instants,
  { nowSeconds, overlapSeconds }: { readonly nowSeconds: number; readonly overlapSeconds: number },
): string | undefined {
  const { endSeconds, lengthMs, count } = windows;
  if (!areDays(windows) || endSeconds + overlapSeconds > nowSeconds) return undefined;
  const asked = [formatVersion, identityOf(datasource), questions, endSeconds, lengthMs, count];
  const hex = createHash('sha256').update(JSON.stringify(asked)).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
