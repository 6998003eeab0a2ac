import { isSelected, renderJson, type Section, selectFields } from '../experiments/documents.js';
import type { ExperimentDocument } from '../experiments/experiment.js';
import type { BulkJobEntity } from './bulk-job.entity.js';
import type { JobReader } from './job-reader.js';
import { cursorAfter } from './read-query.js';
import type { JobView } from './read-view.js';

/** A job's document as JSON text, part by part; `nextCursor` where the asked page is not the last. */
export interface RenderedJob {
  readonly parts: AsyncIterable<string> | Iterable<string>;
  readonly nextCursor?: string;
}

/** Renders what a view asks of a job. Small sections are read first, so that their failure still gets an error answer. */
export async function renderJob(job: BulkJobEntity, view: JobView, reader: JobReader): Promise<RenderedJob> {
  const { selection } = view;
  const small = async (section: Section, value: () => Promise<object | undefined>) => {
    const read = isSelected(selection, section) ? await value() : undefined;
    return read && `"${section}":${renderJson(selectFields(selection, section, read))}`;
  };
  const summary = await small('summary', () => reader.summary(job));
  const webhook = await small('webhook', async () => job.webhook ?? undefined);
  const metadata = await small('metadata', () => reader.metadata(job));
  const { experiments, nextCursor } = isSelected(selection, 'experiments')
    ? await chooseExperiments(job, view, reader)
    : { experiments: undefined, nextCursor: undefined };
  return { parts: join(view, { summary, experiments, webhook, metadata }), nextCursor };
}

type Experiments = AsyncIterable<ExperimentDocument> | Iterable<ExperimentDocument>;

async function chooseExperiments(
  job: BulkJobEntity,
  view: JobView,
  reader: JobReader,
): Promise<{ experiments: Experiments; nextCursor?: string }> {
  const fields = view.selection.included.get('experiments');
  const withRecommendations = fields === 'all' || (fields?.has('recommendations') ?? false);
  if (view.experimentName !== undefined) {
    const found = await reader.experiment(job, view.experimentName);
    return { experiments: found ? [found] : [] };
  }
  if (!view.page) return { experiments: reader.experiments(job, { withRecommendations }) };
  const { after, limit } = view.page;
  const names = await reader.names(job, after, limit + 1);
  return {
    experiments: reader.experiments(job, { withRecommendations, after, limit: Math.min(limit, names.length) }),
    nextCursor: names.length > limit ? cursorAfter(names[limit - 1]) : undefined,
  };
}

async function* join(
  view: JobView,
  parts: { summary?: string; experiments?: Experiments; webhook?: string; metadata?: string },
): AsyncGenerator<string> {
  const { summary, experiments, webhook, metadata } = parts;
  yield '{';
  let comma = '';
  if (summary) {
    yield summary;
    comma = ',';
  }
  if (experiments) {
    yield `${comma}"experiments":{`;
    comma = '';
    for await (const experiment of experiments) {
      yield `${comma}${JSON.stringify(experiment.name)}:${renderJson(selectFields(view.selection, 'experiments', experiment))}`;
      comma = ',';
    }
    yield '}';
    comma = ',';
  }
  for (const part of [webhook, metadata]) {
    if (!part) continue;
    yield comma + part;
    comma = ',';
  }
  yield '}';
}
