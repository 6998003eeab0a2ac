import type { KafkaRecord } from './kafka-records.js';

/** Default names of the three topics. */
export const topics = { recommendations: 'recommendations-topic', error: 'error-topic', summary: 'summary-topic' } as const;

/** Returns the records of one job, by the job id in their summary. */
export function recordsOf(jobId: string, records: readonly KafkaRecord[]): KafkaRecord[] {
  return records.filter(({ value }) => (value as { summary?: { job_id?: string } } | null)?.summary?.job_id === jobId);
}

/**
 * Returns the errors in a job's records. They are correct if each expected experiment has exactly one record, on the recommendations or the error topic,
 * no other experiment has one, and exactly one summary follows them.
 */
export function checkRecords(expected: readonly string[], records: readonly KafkaRecord[]): string[] {
  const summaries = records.filter(({ topic }) => topic === topics.summary);
  const others = records.filter(({ topic }) => topic !== topics.summary);
  return [...checkExperiments(expected, others), ...checkSummaries(summaries, others)];
}

function checkExperiments(expected: readonly string[], records: readonly KafkaRecord[]): string[] {
  const found = new Map<string, string[]>(expected.map((name) => [name, []]));
  const unexpected = records.filter(
    (record) => !experimentsOf(record).every((name) => found.has(name)) || experimentsOf(record).length !== 1,
  );
  for (const record of records) for (const name of experimentsOf(record)) found.get(name)?.push(record.topic);
  return [
    ...[...found].filter(([, seen]) => seen.length === 0).map(([name]) => `no record of the experiment ${name}`),
    ...[...found]
      .filter(([, seen]) => seen.length > 1)
      .map(([name, seen]) => `${seen.length} records of the experiment ${name}: ${seen.join(', ')}`),
    ...unexpected.map((record) => `a record on ${record.topic} that is not of one expected experiment, with the key ${record.key}`),
  ];
}

function checkSummaries(summaries: readonly KafkaRecord[], others: readonly KafkaRecord[]): string[] {
  if (summaries.length !== 1) return [`${summaries.length} records on ${topics.summary} instead of one`];
  const late = others.filter(({ timestampMs }) => timestampMs > summaries[0]!.timestampMs);
  return late.map(({ topic, key }) => `the record ${key} on ${topic} is later than the summary`);
}

function experimentsOf({ value }: KafkaRecord): string[] {
  return Object.keys((value as { experiments?: object } | null)?.experiments ?? {});
}
