import { renderJson } from '../experiments/documents.js';
import type { ExperimentDocument } from '../experiments/experiment.js';
import { type JobSummary, summaryCuts, withCutNotice } from '../publication/messages.js';
import type { RenderBody } from '../publication/webhook-client.js';
import type { Settings } from '../settings/settings-schema.js';
import type { BulkJobEntity } from './bulk-job.entity.js';
import { jobNotifications } from './bulk-notifications.js';
import type { JobReader } from './job-reader.js';
import { showWebhookExperiment, showWebhookHead } from './show-webhook.js';

/**
 * The possible bodies of a job's webhook: the complete one (Kruize's array of one, spec: bulk-and-kafka.md 3.8), then smaller and smaller summaries that link
 * to the rest.
 * Each renders the same bytes every time: rows that publication still changes are read once, here, and outcomes of an ended job do not change.
 */
export async function webhookBodies(
  job: BulkJobEntity,
  reader: JobReader,
  settings: Pick<Settings, 'WEBHOOK_MAX_BYTES' | 'PUBLIC_URL' | 'BASE_PATH'>,
): Promise<RenderBody[]> {
  const shards = await reader.shards(job);
  const [summary, metadata] = [await reader.summary(job), await reader.metadata(job)];
  const experiments = () => reader.experiments(job, { withRecommendations: true, shards });
  const address = settings.PUBLIC_URL?.replace(/\/$/, '') ?? settings.BASE_PATH;
  const link = `${address}/bulk?job_id=${job.id}&include=summary,experiments,metadata`;
  const notice = jobNotifications.webhookTooLarge(settings.WEBHOOK_MAX_BYTES, link);
  return [
    () => renderBody(summary, experiments(), metadata),
    ...smallerSummaries(summary).map((smaller) => () => renderBody(withCutNotice(smaller, notice), [], undefined)),
  ];
}

/** The summary, and what is left of it at each cut. */
function smallerSummaries(summary: JobSummary): JobSummary[] {
  const forms = [summary];
  for (const cut of summaryCuts) forms.push(cut(forms.at(-1)!));
  return forms;
}

async function* renderBody(
  jobSummary: JobSummary,
  experiments: AsyncIterable<ExperimentDocument> | Iterable<ExperimentDocument>,
  jobMetadata: object | undefined,
): AsyncGenerator<string> {
  const { summary, metadata } = showWebhookHead(jobSummary, jobMetadata);
  yield `[{"summary":${renderJson(summary)},"experiments":{},"experimentMap":{`;
  let comma = '';
  for await (const experiment of experiments) {
    yield `${comma}${JSON.stringify(experiment.name)}:${renderJson(showWebhookExperiment(experiment))}`;
    comma = ',';
  }
  yield `},"webhook":{"status":"IN_PROGRESS"}${metadata ? `,"metadata":${renderJson(metadata)}` : ''}}]`;
}
