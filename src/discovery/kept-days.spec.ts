import { jest } from '@jest/globals';
import type { Datasource } from '../datasource/datasource.js';
import type { PrometheusSeries } from '../datasource/prometheus-client.js';
import { type AskedPart, SettledAnswers } from './kept-days.js';
import type { Asking } from './series-finder.js';

const midnight = 1_795_219_200;
const dayMs = 86_400_000;
const datasource: Datasource = {
  name: 'p',
  provider: 'prometheus',
  url: 'http://one',
  authentication: { type: 'none' },
  insecureSkipVerify: false,
};
const answers: PrometheusSeries[][] = [[{ labels: { namespace: 'shop' }, samples: [[midnight, '1']] }], []];
const part: AskedPart = {
  questions: [['sum(a)'], ['sum(b)']],
  windows: { endSeconds: midnight, lengthMs: dayMs, count: 14 },
  request: { nowSeconds: midnight + 7_200 },
};
const asking = (over: Partial<Datasource> = {}): Asking => ({
  datasource: { ...datasource, ...over },
  warnings: new Set(),
  signal: new AbortController().signal,
});

function settledAnswers() {
  const kept = new Map<string, Buffer>();
  const store = {
    load: jest.fn(async (key: string) => kept.get(key)),
    keep: jest.fn(async (key: string, packed: Buffer) => {
      kept.set(key, packed);
    }),
  };
  return { settled: new SettledAnswers({ USAGE_OVERLAP: 3_600 }, store as never), store };
}
const ask = () => jest.fn(async (_: Asking) => answers);

describe('SettledAnswers', () => {
  it('asks about days that are over once, and gives the same again', async () => {
    const { settled } = settledAnswers();
    const asks = ask();
    expect(await settled.find(asking(), part, asks)).toEqual(answers);
    expect(await settled.find(asking(), part, asks)).toEqual(answers);
    expect(asks).toHaveBeenCalledTimes(1);
  });

  it.each<[string, Partial<AskedPart>, Partial<Datasource>]>([
    ['other questions', { questions: [['sum(a)'], ['sum(c)']] }, {}],
    ['fewer days', { windows: { ...part.windows, count: 13 } }, {}],
    ['other days', { windows: { ...part.windows, endSeconds: midnight - 86_400 } }, {}],
    ['another datasource', {}, { name: 'q' }],
    ['another address', {}, { url: 'http://two' }],
    ['another tenant', {}, { authentication: { type: 'basic', username: 'u', password: 'p' } }],
    ['a refresh', { request: { ...part.request, refresh: true } }, {}],
  ])('asks anew for %s', async (_, over, source) => {
    const { settled } = settledAnswers();
    await settled.find(asking(), part, ask());
    const asks = ask();
    await settled.find(asking(source), { ...part, ...over }, asks);
    expect(asks).toHaveBeenCalledTimes(1);
  });

  it.each<[string, Partial<AskedPart>]>([
    ['are not over for as long as samples may come late', { request: { nowSeconds: midnight + 3_599 } }],
    ['are no days from midnight to midnight', { windows: { ...part.windows, endSeconds: midnight + 60 } }],
    ['are shorter than a day', { windows: { ...part.windows, lengthMs: dayMs / 2 } }],
  ])('keeps nothing about windows that %s', async (_, over) => {
    const { settled, store } = settledAnswers();
    expect(await settled.find(asking(), { ...part, ...over }, ask())).toEqual(answers);
    expect(store.keep).not.toHaveBeenCalled();
    expect(store.load).not.toHaveBeenCalled();
  });

  it('keeps no partial answer, and passes its warning on', async () => {
    const { settled, store } = settledAnswers();
    const asked = asking();
    await settled.find(asked, part, async ({ warnings }) => {
      warnings.add('a store is away');
      return answers;
    });
    expect([...asked.warnings]).toEqual(['a store is away']);
    expect(store.keep).not.toHaveBeenCalled();
  });

  it('keeps no answer that holds nothing', async () => {
    const { settled, store } = settledAnswers();
    expect(await settled.find(asking(), part, async () => [[], []])).toEqual([[], []]);
    expect(store.keep).not.toHaveBeenCalled();
  });

  it('asks where the store fails, and where it holds what cannot be read', async () => {
    const { settled, store } = settledAnswers();
    store.load.mockRejectedValueOnce(new Error('away')).mockResolvedValueOnce(Buffer.from('no deflate'));
    store.keep.mockRejectedValueOnce(new Error('away'));
    expect(await settled.find(asking(), part, ask())).toEqual(answers);
    expect(await settled.find(asking(), part, ask())).toEqual(answers);
  });

  it('asks where there is no store', async () => {
    expect(await new SettledAnswers({ USAGE_OVERLAP: 3_600 }).find(asking(), part, ask())).toEqual(answers);
  });
});
