import type { BulkJobEntity } from './bulk-job.entity.js';
import type { ExperimentRange } from './job-reader.js';
import { readView } from './read-view.js';
import { renderJob } from './render-job.js';

const job = { webhook: { status: 'COMPLETED' } } as unknown as BulkJobEntity;
const names = ['a', 'b', 'c'];

/** What a query gets of a job with three experiments; each says whether its recommendations were asked for. */
async function answer(query: Record<string, string>) {
  const documents = (withRecommendations: boolean) => names.map((name) => ({ name, status: String(withRecommendations) }));
  const reader = {
    summary: async () => ({ status: 'COMPLETED' }),
    metadata: async () => undefined,
    experiment: async (_: unknown, name: string) => documents(true).find((each) => each.name === name),
    names: async (_: unknown, after: string, limit: number) => names.filter((name) => name > after).slice(0, limit),
    experiments: (_: unknown, { withRecommendations, after = '', limit }: ExperimentRange) =>
      documents(withRecommendations)
        .filter(({ name }) => name > after)
        .slice(0, limit),
  };
  const { parts, nextCursor } = await renderJob(job, readView(query), reader as never);
  let text = '';
  for await (const part of parts) text += part;
  return { document: JSON.parse(text), nextCursor };
}

const shown = (status: string, ...wanted: string[]) => Object.fromEntries(wanted.map((name) => [name, { name, status }]));

it.each([
  [{}, { summary: { status: 'COMPLETED' } }],
  [{ include: 'webhook' }, { webhook: { status: 'COMPLETED' } }],
  [{ include: 'metadata' }, {}],
  [{ include: 'summary,webhook,metadata' }, { summary: { status: 'COMPLETED' }, webhook: { status: 'COMPLETED' } }],
  [{ include: 'experiments' }, { experiments: shown('true', ...names) }],
  [{ include: 'experiments|status' }, { experiments: { a: { status: 'false' }, b: { status: 'false' }, c: { status: 'false' } } }],
  [{ include: 'experiments', experiment_name: 'b' }, { experiments: shown('true', 'b') }],
  [{ include: 'experiments', experiment_name: 'x' }, { experiments: {} }],
])('answers %j', async (query, document) => {
  expect(await answer(query as Record<string, string>)).toEqual({ document, nextCursor: undefined });
});

it('gives pages, each but the last with the cursor of the next', async () => {
  const first = await answer({ include: 'experiments', limit: '2' });
  expect(first.document).toEqual({ experiments: shown('true', 'a', 'b') });
  const second = await answer({ include: 'experiments', limit: '2', cursor: first.nextCursor! });
  expect(second).toEqual({ document: { experiments: shown('true', 'c') }, nextCursor: undefined });
  expect((await answer({ include: 'experiments', limit: '3' })).nextCursor).toBeUndefined();
});
