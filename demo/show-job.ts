import { SingleBar } from 'cli-progress';
import { checkRecords, recordsOf, topics } from '../test/servers/check-records.js';
import { type KafkaRecord, type RecordReader, readRecords } from '../test/servers/kafka-records.js';
import { waitUntil } from '../test/servers/wait-until.js';
import { experimentNames, followJob, type JobSummary, submitJob } from './bulk-client.js';
import { recommendationTable } from './print-recommendations.js';
import { readRecommendations } from './read-recommendation.js';
import type { DemoServers } from './start-servers.js';
import { logStep } from './stopwatch.js';

/** Maximum wait for the records after the job has ended. */
const recordsTimeoutMs = 60_000;

/** Runs one bulk job and shows the records of the topics. Returns the faults; none = all records arrived. */
export async function showJob(servers: DemoServers): Promise<{ jobId: string; faults: string[] }> {
  const { url } = servers.service;
  const reader = await readRecords(servers.kafka.bootstrapServers, Object.values(topics));
  const jobId = await submitJob(url);
  logStep(`POST /bulk: job ${jobId}`);
  const summary = await followWithBar(url, jobId);
  logStep(`The job is ${summary.status}; waiting for its records …`);
  const records = await collectRecords(reader, jobId);
  await reader.stop();
  logStep(`${records.length} records have arrived`);

  printRecords(records);
  const expected = servers.containers?.map(experimentName) ?? (await experimentNames(url, jobId));
  const failure = summary.status === 'COMPLETED' ? [] : [`the job is ${summary.status}: ${JSON.stringify(summary.notifications)}`];
  return { jobId, faults: [...failure, ...checkRecords(expected, records)] };
}

/** Shows a progress bar in a terminal; otherwise logs a line whenever the number changes. */
async function followWithBar(url: string, jobId: string): Promise<JobSummary> {
  const bar = new SingleBar({ format: '  {bar} {value} of {total} experiments', hideCursor: true });
  let before = 0;
  const show = ({ total_experiments, processed_experiments }: JobSummary) => {
    if (total_experiments === 0) return;
    if (!bar.isActive) bar.start(total_experiments, 0);
    bar.update(processed_experiments);
    if (!process.stderr.isTTY && processed_experiments > before) logStep(`${processed_experiments} of ${total_experiments} experiments`);
    before = processed_experiments;
  };
  return followJob(url, jobId, show).finally(() => bar.stop());
}

/** Collects the job's records until its summary, the last one, arrives, or until the timeout. */
async function collectRecords(reader: RecordReader, jobId: string): Promise<KafkaRecord[]> {
  const hasSummary = () => recordsOf(jobId, reader.records).some(({ topic }) => topic === topics.summary);
  await waitUntil('the summary arrives', hasSummary, { timeoutMs: recordsTimeoutMs }).catch(() => logStep('No summary arrived'));
  // The consumer reads the topics concurrently, so records that were sent before the summary may arrive after it.
  await waitUntil('the records have been read', readsNothingMore(reader), { timeoutMs: 10_000, everyMs: 500 });
  return recordsOf(jobId, reader.records);
}

function readsNothingMore(reader: RecordReader): () => boolean {
  let before = -1;
  return () => {
    const isSame = before === reader.records.length;
    before = reader.records.length;
    return isSame;
  };
}

function printRecords(records: readonly KafkaRecord[]): void {
  const on = (topic: string) => records.filter((record) => record.topic === topic);
  console.log(`\n${recommendationTable(on(topics.recommendations).flatMap(({ value }) => readRecommendations(value)))}`);
  for (const { key, value } of on(topics.error)) console.log(`\nOn ${topics.error}: ${key}\n${JSON.stringify(value, null, 2)}`);
  for (const { value } of on(topics.summary)) console.log(`\nOn ${topics.summary}:\n${JSON.stringify(value, null, 2)}`);
}

/** The default experiment name of the service (setting `experimentNameFormat`). */
function experimentName(of: { namespace: string; workload: string; workloadType: string; container: string }): string {
  return `prometheus-1|default|${of.namespace}|${of.workload}(${of.workloadType})|${of.container}`;
}
