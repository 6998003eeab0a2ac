import { createHash } from 'node:crypto';
import { RawJson } from '../experiments/documents.js';
import type { ExperimentDocument } from '../experiments/experiment.js';
import { readSettings } from '../settings/read-settings.js';
import { failureMessage, jobFailureMessage, recommendationMessage, summaryMessage } from './messages.js';

const jobId = '66c5af2a-7253-45fa-b40c-c75e686ac22d';
const name = 'prometheus-1|default|shop|web(deployment)|app';
const time = '2026-11-21T03:30:36.165Z';
const summary = { status: 'IN_PROGRESS', total_experiments: 2, processed_experiments: 1, job_id: jobId };
const history = '"status_history":[{"status":"UNPROCESSED","timestamp":"2026-11-21T03:30:29.199Z"}]';
const failure = { '503': { type: 'ERROR', message: 'Not able to proceed due to. (time-out)', code: 503 } } as const;
const failureJson = '{"503":{"type":"ERROR","message":"Not able to proceed due to. (time-out)","code":503}}';
const plots = '"plots":{"datapoints":4,"plots_data":{"2026-11-21T03:30:30.000Z":{}}}';
const response = `[{"kubernetes_objects":[{"containers":[{"recommendations":{"data":{"t":{"recommendation_terms":{"short_term":{"duration_in_hours":24,${plots}}}}}}}]}]}]`;

const processed: ExperimentDocument = {
  name,
  status: 'PROCESSED',
  apis: {
    create: { response: { httpcode: 201 }, request: { experimentName: name } },
    recommendations: { response: new RawJson(response) },
  },
  status_history: [{ status: 'UNPROCESSED', timestamp: '2026-11-21T03:30:29.199Z' }],
};
const failed: ExperimentDocument = { ...processed, status: 'FAILED', apis: { create: {}, recommendations: {} }, notifications: failure };

const settingsWith = (environment: Record<string, string> = {}) => readSettings(environment);
const settings = settingsWith();

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const headersOf = (type: string, subject: string, experiment: string) => ({
  ce_specversion: '1.0',
  ce_id: sha256(`${jobId}\n${type}\n${experiment}`),
  ce_source: '/bulk',
  ce_type: type,
  ce_time: time,
  ce_subject: subject,
  'content-type': 'application/json',
});

describe('records by default', () => {
  it('a recommendation record has the experiment and its recommendations, without the create call', () => {
    expect(recommendationMessage({ jobId, experiment: processed, summary, time }, settings)).toMatchObject({
      kind: 'recommendation',
      topic: 'recommendations-topic',
      key: name,
      value: `{"summary":{"status":"IN_PROGRESS","job_id":"${jobId}"},"experiments":{"${name}":{"name":"${name}","status":"PROCESSED","apis":{"recommendations":{"response":${response}}},${history}}}}`,
      headers: headersOf('io.rightsizer.recommendation.generated', `${jobId}/${name}`, name),
    });
  });

  it('an error record has the reason', () => {
    expect(failureMessage({ jobId, experiment: failed, summary, time }, settings)).toEqual({
      kind: 'failure',
      topic: 'error-topic',
      key: name,
      value: `{"summary":{"status":"IN_PROGRESS","job_id":"${jobId}"},"experiments":{"${name}":{"name":"${name}","status":"FAILED","notifications":${failureJson},${history}}}}`,
      headers: headersOf('io.rightsizer.experiment.failed', `${jobId}/${name}`, name),
    });
  });

  it("a job's error record has the job's notifications, and the job id as key", () => {
    expect(jobFailureMessage({ jobId, time, notifications: failure }, settings)).toEqual({
      kind: 'jobFailure',
      topic: 'error-topic',
      key: jobId,
      value: `{"summary":{"status":"FAILED","job_id":"${jobId}","notifications":${failureJson}}}`,
      headers: headersOf('io.rightsizer.job.failed', jobId, ''),
      smaller: expect.any(Function),
    });
  });

  it('a summary record has every key of the summary', () => {
    expect(summaryMessage({ jobId, time, summary }, settings)).toEqual({
      kind: 'summary',
      topic: 'summary-topic',
      key: jobId,
      value: `{"summary":${JSON.stringify(summary)}}`,
      headers: headersOf('io.rightsizer.job.summary', jobId, ''),
      smaller: expect.any(Function),
    });
  });

  it('a summary too large for its topic loses its input first, then its long notifications, and has a notification about it', () => {
    const long = { type: 'WARNING' as const, message: 'x'.repeat(1_000), code: 206 };
    const large = { ...summary, input: { filter: {} }, notifications: { '206': long } };
    const forms = [summaryMessage({ jobId, time, summary: large }, settings)];
    while (forms.at(-1)?.smaller) forms.push(forms.at(-1)!.smaller!('It has 2 MB.'));
    const notice = {
      '413': { type: 'WARNING', message: 'Cut to fit its topic; GET /bulk has the complete text. It has 2 MB.', code: 413 },
    };
    expect(forms.map(({ value }) => JSON.parse(value).summary)).toEqual([
      large,
      { ...summary, notifications: { '206': long, ...notice } },
      { ...summary, notifications: { '206': { ...long, message: 'x'.repeat(200) }, ...notice } },
      { ...summary, notifications: notice },
    ]);
    expect(new Set(forms.map(({ kind, key, topic }) => `${kind} ${key} ${topic}`)).size).toBe(1);
  });

  it('are byte-identical on every rendering', () => {
    const make = () => JSON.stringify(recommendationMessage({ jobId, experiment: processed, summary, time }, settings));
    expect(make()).toBe(make());
  });

  it('omit empty notifications', () => {
    const recordOf = (experiment: ExperimentDocument) => recommendationMessage({ jobId, experiment, summary, time }, settings).value;
    expect(recordOf({ ...processed, notifications: {} })).toBe(recordOf(processed));
  });

  it('include the warnings of a successful experiment', () => {
    const experiment = { ...processed, notifications: { '200': { type: 'WARNING', message: 'partial', code: 200 } } } as const;
    expect(JSON.parse(recommendationMessage({ jobId, experiment, summary, time }, settings).value).experiments[name].notifications).toEqual(
      experiment.notifications,
    );
  });
});

describe('CloudEvents mode', () => {
  it('structured wraps the content in an event', () => {
    const { value, headers } = summaryMessage({ jobId, time, summary }, settingsWith({ KAFKA_CE_MODE: 'structured', CE_SOURCE: '/here' }));
    const id = sha256(`${jobId}\nio.rightsizer.job.summary\n`);
    expect(headers).toEqual({ 'content-type': 'application/cloudevents+json; charset=UTF-8' });
    expect(value).toBe(
      `{"specversion":"1.0","id":"${id}","source":"/here","type":"io.rightsizer.job.summary","time":"${time}","subject":"${jobId}","datacontenttype":"application/json","data":{"summary":${JSON.stringify(summary)}}}`,
    );
  });

  it('off omits the headers', () => {
    const { value, headers } = summaryMessage({ jobId, time, summary }, settingsWith({ KAFKA_CE_MODE: 'off' }));
    expect(headers).toEqual({});
    expect(value).toBe(`{"summary":${JSON.stringify(summary)}}`);
  });
});

describe('KAFKA_RESPONSE_FILTER', () => {
  const metadata = { datasources: {} };
  const valueWith = (environment: Record<string, string>) =>
    recommendationMessage({ jobId, experiment: processed, summary, metadata, time }, settingsWith(environment)).value;
  const complete = `{"name":"${name}","status":"PROCESSED","apis":{"create":{"response":{"httpcode":201},"request":{"experimentName":"${name}"}},"recommendations":{"response":${response}}},${history}}`;

  it.each([
    ['summary', `{"summary":${JSON.stringify(summary)}}`],
    ['summary|job_id|status', `{"summary":{"status":"IN_PROGRESS","job_id":"${jobId}"}}`],
    ['experiments', `{"experiments":{"${name}":${complete}}}`],
    [
      'experiments|status|apis|recommendations|response|status_history',
      `{"experiments":{"${name}":{"status":"PROCESSED","apis":{"recommendations":{"response":${response}}},${history}}}}`,
    ],
    ['metadata', '{"metadata":{"datasources":{}}}'],
  ])('INCLUDE=%s replaces the content', (include, value) => {
    expect(valueWith({ KAFKA_RESPONSE_FILTER_INCLUDE: include })).toBe(value);
  });

  it('EXCLUDE removes fields from what INCLUDE selects', () => {
    const filter = { KAFKA_RESPONSE_FILTER_INCLUDE: 'summary,experiments', KAFKA_RESPONSE_FILTER_EXCLUDE: 'summary,experiments|apis|name' };
    expect(valueWith(filter)).toBe(`{"experiments":{"${name}":{"status":"PROCESSED",${history}}}}`);
  });

  it('EXCLUDE alone removes fields from summary and experiments', () => {
    expect(valueWith({ KAFKA_RESPONSE_FILTER_EXCLUDE: 'experiments' })).toBe(`{"summary":${JSON.stringify(summary)}}`);
  });

  it('applies to the error record of an experiment but not to the records of the job', () => {
    const filtered = settingsWith({ KAFKA_RESPONSE_FILTER_INCLUDE: 'experiments|status' });
    expect(failureMessage({ jobId, experiment: failed, summary, time }, filtered).value).toBe(
      `{"experiments":{"${name}":{"status":"FAILED"}}}`,
    );
    expect(summaryMessage({ jobId, time, summary }, filtered).value).toBe(`{"summary":${JSON.stringify(summary)}}`);
    expect(jobFailureMessage({ jobId, time, notifications: failure }, filtered).value).toContain('"503"');
  });
});

describe('a record that is too large', () => {
  const contentOf = (value: string) => JSON.parse(value).experiments[name];

  it.each([[{}], [{ KAFKA_RESPONSE_FILTER_INCLUDE: 'experiments|apis|recommendations|response' }]])(
    'is sent without plots, with a notification about it (%j)',
    (environment) => {
      const message = recommendationMessage(
        { jobId, experiment: processed, summary, time },
        settingsWith(environment as Record<string, string>),
      );
      const smaller = message.smaller?.('Too long.');
      const content = contentOf(smaller?.value ?? '');
      expect(smaller).toMatchObject({ kind: 'recommendation', topic: message.topic, key: name, headers: message.headers });
      expect(JSON.stringify(content.apis.recommendations.response)).toBe(response.replace(`,${plots}`, ''));
      expect(content.notifications).toEqual({
        '206': { type: 'INFO', message: 'Published without plots; GET /bulk has them. Too long.', code: 206 },
      });
    },
  );

  it('keeps a term that is named plots', () => {
    const terms = '{"recommendation_terms":{"plots":{"duration_in_hours":24}}}';
    const experiment = { ...processed, apis: { create: {}, recommendations: { response: new RawJson(`[${terms}]`) } } };
    const smaller = recommendationMessage({ jobId, experiment, summary, time }, settings).smaller?.('Too long.');
    expect(smaller?.value).toContain(terms);
  });

  it('is replaced by an error record if it is too large without plots', () => {
    const message = recommendationMessage({ jobId, experiment: processed, summary, time }, settings)
      .smaller?.('Too long.')
      .smaller?.('Still too long.');
    expect(message).toMatchObject({ kind: 'failure', topic: 'error-topic', key: name });
    expect(message?.headers.ce_type).toBe('io.rightsizer.experiment.failed');
    expect(contentOf(message?.value ?? '')).toEqual({
      name,
      status: 'PUBLISH_FAILED',
      notifications: { '413': { type: 'ERROR', message: 'Recommendation not published. Still too long.', code: 413 } },
      status_history: processed.status_history,
    });
    expect(message?.smaller).toBeUndefined();
  });
});
