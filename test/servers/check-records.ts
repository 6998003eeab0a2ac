import type { KafkaRecord } from './kafka-records.js';

/** The three topics under their usual names. */
export const topics = { recommendations: 'recommendations-topic', error: 'error-topic', summary: 'summary-topic' } as const;

/** The records of one job: those whose summary bears its id. */
export function recordsOf(jobId: string, records: readonly KafkaRecord[]): KafkaRecord[] {
  return records.filter(({ value }) => (value as { summary?: { job_id?: string } } | null)?.summary?.job_id === jobId);
}

/**
 * What is wrong with a job's records; empty when all is well: each expected experiment has exactly one record on exactly one of the
 * recommendations and error topics, there is no other one, and exactly one summary came after them all.
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
