import { readFileSync } from 'node:fs';
import { exampleContainer } from '../../test/examples.js';
import { renderJson } from './documents.js';
import type { NamespaceExperiment } from './experiment.js';
import { type ExperimentState, showExperiment } from './show-experiment.js';

const name = 'prometheus-1|default|shop|web(deployment)|app';
const experiment = exampleContainer({ name, datasource: 'prometheus-1', clusterName: 'default', image: 'quay.io/demo/app:1.0', pods: 2 });
const settings = {
  metricProfile: 'resource-optimization-local-monitoring',
  metadataProfile: 'cluster-metadata-local-monitoring',
  measurementMinutes: 15,
  threshold: 0.1,
};
const at = (second: number) => new Date(Date.UTC(2026, 10, 21, 3, 30, second, 7));
const planned: ExperimentState = { experiment, existed: false, plannedAt: at(1) };
const processed: ExperimentState = { ...planned, outcome: { status: 'PROCESSED', recommendationJson: '[1]' }, recommendedAt: at(2) };
const failed: ExperimentState = {
  ...planned,
  outcome: { status: 'FAILED', notifications: { '500': { type: 'ERROR', message: 'm', code: 500 } } },
  recommendedAt: at(2),
};
const shown = (state: ExperimentState) => JSON.parse(renderJson(showExperiment(state, settings)));

describe('showExperiment', () => {
  it.each<[string, ExperimentState, string[]]>([
    ['planned', planned, ['UNPROCESSED']],
    ['processed', processed, ['UNPROCESSED', 'PROCESSED']],
    ['failed', failed, ['UNPROCESSED', 'FAILED']],
    ['published', { ...processed, publication: { at: at(3) } }, ['UNPROCESSED', 'PROCESSED', 'PUBLISHED']],
    ['published as failed', { ...failed, publication: { at: at(3) } }, ['UNPROCESSED', 'FAILED', 'PUBLISHED']],
    ['not publishable', { ...processed, publication: { at: at(3), error: 'no' } }, ['UNPROCESSED', 'PROCESSED', 'PUBLISH_FAILED']],
  ])('shows the history of an experiment that is %s', (_what, state, statuses) => {
    const { status, status_history } = shown(state);
    expect(status_history).toEqual(statuses.map((each, index) => ({ status: each, timestamp: `2026-11-21T03:30:0${index + 1}.007Z` })));
    expect(status).toBe(statuses.at(-1));
  });

  it('shows a recommendation as it was rendered, or {} without one', () => {
    expect(shown(processed).apis.recommendations).toEqual({ response: [1] });
    expect(shown(planned).apis.recommendations).toEqual({});
    expect(shown(failed).apis.recommendations).toEqual({});
  });

  it('shows notifications only for a failure', () => {
    expect(shown(failed).notifications).toEqual({ '500': { type: 'ERROR', message: 'm', code: 500 } });
    expect(shown(processed)).not.toHaveProperty('notifications');
  });

  it('shows why it was not published, and also why it failed', () => {
    const publication = { at: at(3), error: 'Topic error-topic is not in KAFKA_TOPICS.' };
    const notPublished = { type: 'ERROR', message: 'Not published. Topic error-topic is not in KAFKA_TOPICS.', code: 424 };
    expect(shown({ ...processed, publication }).notifications).toEqual({ '424': notPublished });
    expect(shown({ ...failed, publication }).notifications).toEqual({
      '424': notPublished,
      '500': { type: 'ERROR', message: 'm', code: 500 },
    });
  });

  it.each([
    [false, { httpcode: 201, status: 'SUCCESS', documentationLink: '', message: expect.stringContaining('registered successfully') }],
    [true, { httpcode: 409, status: 'ERROR', documentationLink: '', message: `Experiment name already exists: ${name}` }],
  ])("shows Kruize's response of createExperiment if the experiment existed: %s", (existed, response) => {
    expect(shown({ ...processed, existed }).apis.create.response).toEqual(response);
  });

  it('shows the request with the members and constants of a recorded Kruize request', () => {
    const { experiment_id: ours, ...request } = shown(processed).apis.create.request;
    const { experiment_id: theirs, ...expected } = recordedRequest();
    expect(request).toEqual(expected);
    expect([ours, theirs]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), expect.stringMatching(/^[0-9a-f]{64}$/)]);
  });

  it('gives equal experiments equal ids and different experiments different ids', () => {
    const idOf = (state: ExperimentState) => shown(state).apis.create.request.experiment_id;
    expect(idOf(planned)).toBe(idOf(processed));
    expect(idOf({ ...planned, experiment: { ...experiment, image: 'other' } })).not.toBe(idOf(planned));
  });

  it('shows the request of a namespace', () => {
    const { type: _, workload, workloadType, container, image, ...base } = experiment;
    const namespace: NamespaceExperiment = { ...base, type: 'namespace', name: 'prometheus-1|default|shop' };
    expect(shown({ ...planned, experiment: namespace }).apis.create.request).toMatchObject({
      experimentType: 'NAMESPACE',
      kubernetesObjects: [{ namespaces: { namespace: 'shop' } }],
      namespaceExperiment: true,
      containerExperiment: false,
    });
  });
});

/** The experiment's create request in a record of the real Kruize. */
function recordedRequest(): Record<string, unknown> {
  const lines = readFileSync(new URL('../../test/fixtures/bulk/kafka-records.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const contents = lines.map((line) => JSON.parse(JSON.parse(line).value));
  return contents.find(({ experiments }) => experiments[name]).experiments[name].apis.create.request;
}
