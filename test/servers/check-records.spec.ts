import { checkRecords, recordsOf, topics } from './check-records.js';
import type { KafkaRecord } from './kafka-records.js';

const record = (topic: string, experiment: string | undefined, timestampMs: number, jobId = 'job'): KafkaRecord => ({
  topic,
  partition: 0,
  offset: '0',
  key: experiment ?? jobId,
  headers: {},
  timestampMs,
  value: { summary: { job_id: jobId }, ...(experiment && { experiments: { [experiment]: {} } }) },
});
const a = record(topics.recommendations, 'a', 1);
const b = record(topics.error, 'b', 2);
const summary = record(topics.summary, undefined, 3);

describe('checkRecords', () => {
  it('returns nothing if each experiment has one record and the summary is last', () => {
    expect(checkRecords(['a', 'b'], [a, b, summary])).toEqual([]);
  });

  it.each<[fault: string, records: KafkaRecord[], message: RegExp]>([
    ['a missing record', [a, summary], /^no record of the experiment b$/],
    ['a repeated record', [a, b, a, summary], /^2 records of the experiment a: recommendations-topic, recommendations-topic$/],
    ['an experiment on both topics', [a, b, record(topics.error, 'a', 2), summary], /^2 records of the experiment a: .*error-topic$/],
    ['an unexpected experiment', [a, b, record(topics.error, 'c', 2), summary], /not of one expected experiment, with the key c/],
    ['a job-level error record', [a, b, record(topics.error, undefined, 2), summary], /not of one expected experiment, with the key job/],
    ['no summary', [a, b], /^0 records on summary-topic/],
    ['two summaries', [a, b, summary, summary], /^2 records on summary-topic/],
    ['a summary before a record', [a, b, { ...summary, timestampMs: 1 }], /^the record b on error-topic is later than the summary$/],
  ])('reports %s', (_fault, records, message) => {
    expect(checkRecords(['a', 'b'], records)).toEqual([expect.stringMatching(message)]);
  });
});

describe('recordsOf', () => {
  it('excludes the records of other jobs', () => {
    expect(recordsOf('job', [record(topics.error, 'a', 1, 'other'), a])).toEqual([a]);
  });
});
