import { readFileSync } from 'node:fs';
import { exampleContainer } from '../../test/examples.js';
import { renderJson } from '../experiments/documents.js';
import { showExperiment } from '../experiments/show-experiment.js';
import { showWebhookExperiment, showWebhookHead } from './ending-steps.js';
import { showSummary } from './show-job.js';

const fixture = (name: string) => JSON.parse(readFileSync(new URL(`../../test/fixtures/bulk/${name}`, import.meta.url), 'utf8'));
/** A body recorded from Kruize. */
const [recorded] = fixture('webhook.json').body;
const name = 'prometheus-1|default|shop|web(deployment)|app';

const experiment = exampleContainer({ name, datasource: 'prometheus-1', clusterName: 'default', image: 'quay.io/demo/app:1.0', pods: 2 });
const job = {
  id: recorded.summary.jobID,
  status: recorded.summary.status,
  totalExperiments: recorded.summary.total_experiments,
  notifications: {},
  request: recorded.summary.input,
  startedAt: new Date(recorded.summary.startTime),
  endedAt: new Date(recorded.summary.endTime),
};
const summary = showSummary(job, { processed: recorded.summary.processed_experiments, failed: 1, existing: 2, published: 3 });
const asSent = (value: object) => JSON.parse(renderJson(value));

describe('showWebhookHead', () => {
  it("shows the summary with Kruize's field names and our additional counts", () => {
    const { failed_experiments, existing_experiments, published_experiments, ...kruize } = asSent(
      showWebhookHead(summary, undefined),
    ).summary;
    expect(kruize).toEqual(recorded.summary);
    expect([failed_experiments, existing_experiments, published_experiments]).toEqual([1, 2, 3]);
  });

  it('omits empty notifications', () => {
    const notifications = { '200': { type: 'INFO' as const, message: 'Nothing to do.', code: 400 } };
    expect(asSent(showWebhookHead({ ...summary, notifications }, undefined)).summary.notifications).toEqual(notifications);
  });

  it('shows the metadata of GET with one name per cluster', () => {
    expect(asSent(showWebhookHead(summary, fixture('get-metadata.json').metadata)).metadata).toEqual(recorded.metadata);
  });

  it('omits metadata if the job found none', () => expect(asSent(showWebhookHead(summary, undefined))).not.toHaveProperty('metadata'));
});

describe('showWebhookExperiment', () => {
  it("shows an experiment as Kruize's webhook does", () => {
    const expected = recorded.experimentMap[name];
    const [plannedAt, recommendedAt, publishedAt] = expected.status_history.map(
      ({ timestamp }: { timestamp: string }) => new Date(timestamp),
    );
    const outcome = { status: 'PROCESSED' as const, recommendationJson: JSON.stringify(expected.apis.recommendations.response) };
    const settings = {
      metricProfile: 'resource-optimization-local-monitoring',
      metadataProfile: 'cluster-metadata-local-monitoring',
      measurementMinutes: 15,
      threshold: 0.1,
    };
    const state = { experiment, existed: false, outcome, plannedAt, recommendedAt, publication: { at: publishedAt } };
    const sent = asSent(showWebhookExperiment(showExperiment(state, settings)));
    expect(sent.apis.create.request.experiment_id).toMatch(/^[0-9a-f]{64}$/);
    sent.apis.create.request.experiment_id = expected.apis.create.request.experiment_id;
    expect(sent).toEqual(expected);
  });
});
