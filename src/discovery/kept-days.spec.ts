import { jest } from '@jest/globals';
import { exampleCapabilities, exampleDatasource } from '../../test/examples.js';
import type { Datasource } from '../datasource/datasource.js';
import type { PrometheusSeries } from '../datasource/datasource-client.js';
import { logger } from '../settings/logger.js';
import { KeptDays, keyOfDays } from './kept-days.js';
import { KeptDaysStore } from './kept-days-store.js';
import type { Instants } from './plan-discovery.js';
import type { FindContext, QueryUnion } from './series-finder.js';

const midnight = 1_795_219_200;
const dayMs = 86_400_000;
const datasource = exampleDatasource({ name: 'p', url: 'http://one' });
const capabilities = exampleCapabilities();
const results: PrometheusSeries[][] = [[{ labels: { namespace: 'shop' }, samples: [[midnight, '1']] }], []];
const key = '00000000-0000-4000-8000-000000000000';

const contextOf = (): FindContext => ({ datasource, capabilities, warnings: new Set(), signal: new AbortController().signal });
const queryOf = () => jest.fn(async (_: FindContext) => results);

describe('keyOfDays', () => {
  const windows: Instants = { endSeconds: midnight, lengthMs: dayMs, count: 14 };
  interface KeyInputs {
    readonly source: Partial<Datasource>;
    readonly unions: readonly QueryUnion[];
    readonly windows: Partial<Instants>;
    readonly nowSeconds: number;
  }
  const keyOf = ({
    source = {},
    unions = [['sum(a)'], ['sum(b)']],
    windows: over,
    nowSeconds = midnight + 7_200,
  }: Partial<KeyInputs> = {}) =>
    keyOfDays({ ...datasource, ...source }, unions, { ...windows, ...over }, { nowSeconds, overlapSeconds: 3_600 });

  it('is a UUID, the same at any later time', () => {
    expect(keyOf()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(keyOf({ nowSeconds: midnight + 3_600 })).toBe(keyOf());
    expect(keyOf({ nowSeconds: midnight + 86_399 })).toBe(keyOf());
  });

  it.each<[string, Partial<KeyInputs>]>([
    ['other queries', { unions: [['sum(a)'], ['sum(c)']] }],
    ['fewer days', { windows: { count: 13 } }],
    ['other days', { windows: { endSeconds: midnight - 86_400 } }],
    ['another datasource', { source: { name: 'q' } }],
    ['another address', { source: { url: 'http://two' } }],
    ['another tenant', { source: { authentication: { type: 'basic', username: 'u', password: 'p' } } }],
  ])('differs for %s', (_, over) => {
    expect(keyOf(over)).toBeDefined();
    expect(keyOf(over)).not.toBe(keyOf());
  });

  it.each<[string, Partial<KeyInputs>]>([
    ['whose samples may still arrive', { nowSeconds: midnight + 3_599 }],
    ['that do not end at midnight', { windows: { endSeconds: midnight + 60 } }],
    ['that are shorter than a day', { windows: { lengthMs: dayMs / 2 } }],
  ])('is undefined for windows %s', (_, over) => {
    expect(keyOf(over)).toBeUndefined();
  });
});

describe('KeptDays', () => {
  it('queries once; the next job gets the same results without a query', async () => {
    const [first, query] = [new KeptDays(), queryOf()];
    expect(await first.find(key, contextOf(), query)).toEqual(results);
    const next = new KeptDays(first.fresh);
    expect(await next.find(key, contextOf(), query)).toEqual(results);
    expect(query).toHaveBeenCalledTimes(1);
    expect([...first.fresh.keys()]).toEqual([key]);
    expect(next.fresh.size).toBe(0);
  });

  it('queries if only other keys are cached', async () => {
    const first = new KeptDays();
    await first.find(key, contextOf(), queryOf());
    const query = queryOf();
    await new KeptDays(first.fresh).find(key.replace('8', '9'), contextOf(), query);
    expect(query).toHaveBeenCalledTimes(1);
  });

  it('caches plain bytes that can be passed between threads', async () => {
    const first = new KeptDays();
    await first.find(key, contextOf(), queryOf());
    const query = queryOf();
    expect(await new KeptDays(structuredClone(first.fresh)).find(key, contextOf(), query)).toEqual(results);
    expect(query).not.toHaveBeenCalled();
  });

  it('does not cache a partial result, and passes its warning on', async () => {
    const [days, context] = [new KeptDays(), contextOf()];
    await days.find(key, context, async ({ warnings }) => {
      warnings.add('a store is away');
      return results;
    });
    expect([...context.warnings]).toEqual(['a store is away']);
    expect(days.fresh.size).toBe(0);
  });

  it('caches a complete result although other queries had warnings', async () => {
    const [days, context] = [new KeptDays(), contextOf()];
    context.warnings.add('a store is away');
    await days.find(key, context, queryOf());
    expect(days.fresh.size).toBe(1);
  });

  it('does not cache an empty result', async () => {
    const days = new KeptDays();
    expect(await days.find(key, contextOf(), async () => [[], []])).toEqual([[], []]);
    expect(days.fresh.size).toBe(0);
  });

  it('queries again if the cached result cannot be read, and replaces it', async () => {
    const days = new KeptDays(new Map([[key, Buffer.from('no deflate')]]));
    expect(await days.find(key, contextOf(), queryOf())).toEqual(results);
    expect(days.fresh.size).toBe(1);
  });
});

describe('KeptDaysStore', () => {
  let warnings: (string | undefined)[];
  beforeEach(() => {
    warnings = [];
    jest.spyOn(logger, 'warn').mockImplementation((_: unknown, text?: string) => void warnings.push(text));
  });
  afterEach(() => jest.restoreAllMocks());

  const storeOn = (query: (text: string, parameters: unknown[]) => Promise<unknown>) => {
    const queries = jest.fn(query);
    return { store: new KeptDaysStore({ query: queries } as never), queries };
  };

  it('loads results as plain bytes', async () => {
    const { store, queries } = storeOn(async () => [{ key, answers: Buffer.from('x') }]);
    expect(await store.load([key, 'other'])).toEqual(new Map([[key, Uint8Array.of(120)]]));
    expect(queries).toHaveBeenCalledWith(expect.stringContaining('SELECT'), [[key, 'other']]);
  });

  it('stores results by key', async () => {
    const { store, queries } = storeOn(async () => []);
    await store.keep(new Map([[key, Uint8Array.of(120)]]));
    expect(queries).toHaveBeenCalledWith(expect.stringContaining('INSERT'), [[key], [Buffer.from('x')]]);
  });

  it('does not query the database without keys', async () => {
    const { store, queries } = storeOn(async () => []);
    expect(await store.load([])).toEqual(new Map());
    await store.keep(new Map());
    expect(queries).not.toHaveBeenCalled();
  });

  it('never fails: without a database it loads and stores nothing, and warns once', async () => {
    const { store } = storeOn(async () => Promise.reject(new Error('away')));
    expect(await store.load([key])).toEqual(new Map());
    await store.keep(new Map([[key, Uint8Array.of(1)]]));
    expect(await store.load([key])).toEqual(new Map());
    expect(warnings).toEqual(['stored discovery results cannot be loaded: everything is queried again']);
  });
});
