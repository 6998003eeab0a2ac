import { jest } from '@jest/globals';
import type { Datasource } from '../datasource/datasource.js';
import type { PrometheusSeries } from '../datasource/datasource-client.js';
import { logger } from '../settings/logger.js';
import { KeptDays, keyOfDays } from './kept-days.js';
import { KeptDaysStore } from './kept-days-store.js';
import type { Instants } from './plan-discovery.js';
import type { Asking, Question } from './series-finder.js';

const midnight = 1_795_219_200;
const dayMs = 86_400_000;
const datasource: Datasource = {
  name: 'p',
  provider: 'prometheus',
  url: 'http://one',
  authentication: { type: 'none' },
  insecureSkipVerify: false,
};
const capabilities = { used: 'chunks', reason: '', boundary: 'closed', evaluationMs: 60_000, rules: { cpu: true, owners: true } } as const;
const answers: PrometheusSeries[][] = [[{ labels: { namespace: 'shop' }, samples: [[midnight, '1']] }], []];
const key = '00000000-0000-4000-8000-000000000000';

const asking = (): Asking => ({ datasource, capabilities, warnings: new Set(), signal: new AbortController().signal });
const ask = () => jest.fn(async (_: Asking) => answers);

describe('keyOfDays', () => {
  const windows: Instants = { endSeconds: midnight, lengthMs: dayMs, count: 14 };
  interface Asked {
    readonly source: Partial<Datasource>;
    readonly questions: readonly Question[];
    readonly windows: Partial<Instants>;
    readonly nowSeconds: number;
  }
  const keyOf = ({
    source = {},
    questions = [['sum(a)'], ['sum(b)']],
    windows: over,
    nowSeconds = midnight + 7_200,
  }: Partial<Asked> = {}) =>
    keyOfDays({ ...datasource, ...source }, questions, { ...windows, ...over }, { nowSeconds, overlapSeconds: 3_600 });

  it('is a UUID, the same at any later time', () => {
    expect(keyOf()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(keyOf({ nowSeconds: midnight + 3_600 })).toBe(keyOf());
    expect(keyOf({ nowSeconds: midnight + 86_399 })).toBe(keyOf());
  });

  it.each<[string, Partial<Asked>]>([
    ['other questions', { questions: [['sum(a)'], ['sum(c)']] }],
    ['fewer days', { windows: { count: 13 } }],
    ['other days', { windows: { endSeconds: midnight - 86_400 } }],
    ['another datasource', { source: { name: 'q' } }],
    ['another address', { source: { url: 'http://two' } }],
    ['another tenant', { source: { authentication: { type: 'basic', username: 'u', password: 'p' } } }],
  ])('differs for %s', (_, over) => {
    expect(keyOf(over)).toBeDefined();
    expect(keyOf(over)).not.toBe(keyOf());
  });

  it.each<[string, Partial<Asked>]>([
    ['for which samples may still come', { nowSeconds: midnight + 3_599 }],
    ['that do not end at midnight', { windows: { endSeconds: midnight + 60 } }],
    ['that are shorter than a day', { windows: { lengthMs: dayMs / 2 } }],
  ])('is missing for windows %s', (_, over) => {
    expect(keyOf(over)).toBeUndefined();
  });
});

describe('KeptDays', () => {
  it('asks once, and the next job finds the same without a question', async () => {
    const [first, asks] = [new KeptDays(), ask()];
    expect(await first.find(key, asking(), asks)).toEqual(answers);
    const next = new KeptDays(first.fresh);
    expect(await next.find(key, asking(), asks)).toEqual(answers);
    expect(asks).toHaveBeenCalledTimes(1);
    expect([...first.fresh.keys()]).toEqual([key]);
    expect(next.fresh.size).toBe(0);
  });

  it('asks for what is kept under other keys only', async () => {
    const first = new KeptDays();
    await first.find(key, asking(), ask());
    const asks = ask();
    await new KeptDays(first.fresh).find(key.replace('8', '9'), asking(), asks);
    expect(asks).toHaveBeenCalledTimes(1);
  });

  it('keeps plain bytes, which can go from thread to thread', async () => {
    const first = new KeptDays();
    await first.find(key, asking(), ask());
    const asks = ask();
    expect(await new KeptDays(structuredClone(first.fresh)).find(key, asking(), asks)).toEqual(answers);
    expect(asks).not.toHaveBeenCalled();
  });

  it('does not keep a partial answer, and passes its warning on', async () => {
    const [days, asked] = [new KeptDays(), asking()];
    await days.find(key, asked, async ({ warnings }) => {
      warnings.add('a store is away');
      return answers;
    });
    expect([...asked.warnings]).toEqual(['a store is away']);
    expect(days.fresh.size).toBe(0);
  });

  it('keeps a complete answer although other questions had warnings before', async () => {
    const [days, asked] = [new KeptDays(), asking()];
    asked.warnings.add('a store is away');
    await days.find(key, asked, ask());
    expect(days.fresh.size).toBe(1);
  });

  it('does not keep an empty answer', async () => {
    const days = new KeptDays();
    expect(await days.find(key, asking(), async () => [[], []])).toEqual([[], []]);
    expect(days.fresh.size).toBe(0);
  });

  it('asks again, and replaces what is kept, if that cannot be read', async () => {
    const days = new KeptDays(new Map([[key, Buffer.from('no deflate')]]));
    expect(await days.find(key, asking(), ask())).toEqual(answers);
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

  it('loads what is kept under the keys as plain bytes', async () => {
    const { store, queries } = storeOn(async () => [{ key, answers: Buffer.from('x') }]);
    expect(await store.load([key, 'other'])).toEqual(new Map([[key, Uint8Array.of(120)]]));
    expect(queries).toHaveBeenCalledWith(expect.stringContaining('SELECT'), [[key, 'other']]);
  });

  it('keeps results under their keys', async () => {
    const { store, queries } = storeOn(async () => []);
    await store.keep(new Map([[key, Uint8Array.of(120)]]));
    expect(queries).toHaveBeenCalledWith(expect.stringContaining('INSERT'), [[key], [Buffer.from('x')]]);
  });

  it('does not query for nothing', async () => {
    const { store, queries } = storeOn(async () => []);
    expect(await store.load([])).toEqual(new Map());
    await store.keep(new Map());
    expect(queries).not.toHaveBeenCalled();
  });

  it('never fails: it finds and keeps nothing, and warns once', async () => {
    const { store } = storeOn(async () => Promise.reject(new Error('away')));
    expect(await store.load([key])).toEqual(new Map());
    await store.keep(new Map([[key, Uint8Array.of(1)]]));
    expect(await store.load([key])).toEqual(new Map());
    expect(warnings).toEqual(['kept days cannot be loaded: everything is queried again']);
  });
});
