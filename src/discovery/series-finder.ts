import { type BrokenChunks, type Capabilities, showsBrokenChunks, showsNoRemoteRead } from '../datasource/capabilities.js';
import type { Datasource } from '../datasource/datasource.js';
import type { DatasourceClient, PrometheusSeries } from '../datasource/datasource-client.js';
import { DatasourceError } from '../datasource/datasource-error.js';
import { logOf } from '../settings/logger.js';
import { type DiscoveryShape, readDiscoveryShape } from './discovery-shape.js';
import { computeFromChunks } from './from-chunks.js';
import { type Instants, startOf } from './plan-discovery.js';

/** Queries whose results are combined with `or`. */
export type QueryUnion = readonly string[];

/** What every query of a discovery shares. */
export interface FindContext {
  readonly datasource: Datasource;
  readonly capabilities: Capabilities;
  /** Called if the datasource does not deliver chunks although its capabilities include them. */
  readonly onBrokenChunks?: ((reason: string) => void) | undefined;
  /** Collects the datasource's warnings about partial results. */
  readonly warnings: Set<string>;
  readonly signal: AbortSignal;
}

type FromChunks = ReadonlyMap<QueryUnion, PrometheusSeries[]>;

/** Up to this total length PromQL is cheaper than chunks for client and server together (docs/decisions/0011-discovery-from-chunks.md). */
const maxPromqlMs = 43_200_000;

const log = logOf('discovery');

/** Runs discovery queries over windows: from chunks where possible, else by PromQL. */
export class SeriesFinder {
  constructor(
    private readonly client: DatasourceClient,
    private readonly broken: BrokenChunks,
  ) {}

  /** The series of each query union. Rejects with a DatasourceError. */
  async find(context: FindContext, unions: readonly QueryUnion[], windows: Instants): Promise<(readonly PrometheusSeries[])[]> {
    const shapes = new Map(unions.flatMap(pairWithShapes));
    const fromChunks = shapes.size > 0 ? this.readChunks(context, shapes, windows) : undefined;
    return Promise.all(
      unions.map(async (union) => {
        const series = shapes.has(union) ? (await fromChunks)?.get(union) : undefined;
        return series ?? this.queryPromql(context, union, windows);
      }),
    );
  }

  /** Empty if the datasource does not deliver chunks. */
  private async readChunks(
    context: FindContext,
    shapes: ReadonlyMap<QueryUnion, DiscoveryShape[]>,
    windows: Instants,
  ): Promise<FromChunks> {
    const { datasource, capabilities, signal } = context;
    if (windows.count * windows.lengthMs <= maxPromqlMs || capabilities.used === 'promql') return new Map();
    const known = this.broken.reasonFor(datasource.name);
    if (known !== undefined) {
      context.onBrokenChunks?.(known);
      return new Map();
    }
    try {
      const request = { datasource, windows, boundary: capabilities.boundary };
      const results = await computeFromChunks(this.client, request, [...shapes.values()].flat(), signal);
      return byUnion(shapes, results);
    } catch (error) {
      if (!(error instanceof DatasourceError) || !showsNoRemoteRead(error.failure)) throw error;
      const reason = `chunks were refused or broken: ${error.message}`;
      log.warn({ datasource: datasource.name, reason }, 'discovery uses PromQL instead');
      if (showsBrokenChunks(error.failure) && datasource.usageReader !== 'chunks') {
        this.broken.add(datasource.name, reason);
        context.onBrokenChunks?.(reason);
      }
      return new Map();
    }
  }

  private async queryPromql(
    { datasource, warnings, signal }: FindContext,
    union: QueryUnion,
    windows: Instants,
  ): Promise<readonly PrometheusSeries[]> {
    const query = union.length === 1 ? union[0]! : union.map((each) => `(${each})`).join(' or ');
    const { endSeconds, lengthMs, count } = windows;
    const range = { query, startSeconds: startOf(windows), endSeconds, stepSeconds: lengthMs / 1000 };
    const result =
      count === 1
        ? await this.client.query(datasource, { query, timeSeconds: endSeconds }, signal)
        : await this.client.queryRange(datasource, range, signal);
    for (const warning of result.warnings) warnings.add(warning);
    return result.series;
  }
}

/** The query union with the shapes of its queries; empty if a query has no known shape. */
function pairWithShapes(union: QueryUnion): [QueryUnion, DiscoveryShape[]][] {
  const shapes = union.flatMap((query) => readDiscoveryShape(query) ?? []);
  return shapes.length === union.length ? [[union, shapes]] : [];
}

/** The query unions whose queries were all computed from chunks, with their series. */
function byUnion(shapes: ReadonlyMap<QueryUnion, DiscoveryShape[]>, results: readonly (PrometheusSeries[] | undefined)[]): FromChunks {
  const found = new Map<QueryUnion, PrometheusSeries[]>();
  let next = 0;
  for (const [union, { length }] of shapes) {
    const own = results.slice(next, next + length).filter((result) => result !== undefined);
    if (own.length === length) found.set(union, own.flat());
    next += length;
  }
  return found;
}
