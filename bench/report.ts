import Table from 'cli-table3';
import type { BenchLines, ChunkJobs } from './measure-all.js';
import type { ScalingLine } from './measure-scaling.js';
import type { JobCost } from './run-job.js';

/** Ratios of the first to the second duration. Their targets are in docs/performance.md. */
export interface Ratios {
  readonly reference_to_chunks: number;
  readonly promql_to_chunks: number;
  readonly job_to_floor: number;
  readonly first_to_repeated: number;
}

export interface Report {
  readonly containers: number;
  readonly scrapeSeconds: number;
  readonly days: number;
  readonly machine: { readonly cores: number; readonly cpu: string; readonly memoryGb: number; readonly node: string };
  readonly ratios: Ratios;
  readonly lines: BenchLines;
  readonly scaling: readonly ScalingLine[];
}

export function ratiosOf({ reference, promql, rounds, floors }: BenchLines): Ratios {
  const chunks = medianBy(rounds, (round) => round.chunks.seconds).chunks.seconds;
  return {
    reference_to_chunks: reference.seconds / chunks,
    promql_to_chunks: promql.seconds / chunks,
    job_to_floor: medianOf(rounds.map((round, at) => round.chunks.seconds / floors[at]!.seconds)),
    first_to_repeated: firstToRepeated(rounds),
  };
}

/** Median of the rounds. */
function firstToRepeated(rounds: ChunkJobs['rounds']): number {
  return medianOf(rounds.map((round) => round.chunks.seconds / round.repeated.seconds));
}

/** The median job of each kind. */
function medianJobs({ rounds }: ChunkJobs) {
  return {
    chunks: medianBy(rounds, (round) => round.chunks.seconds).chunks,
    repeated: medianBy(rounds, (round) => round.repeated.seconds).repeated,
  };
}

/** Peak memory of a service over all its jobs, MB. */
export function peakRssMb({ cold, rounds }: ChunkJobs): number {
  return Math.max(cold.peakRssMb, ...rounds.flatMap(({ chunks, repeated }) => [chunks.peakRssMb, repeated.peakRssMb]));
}

function medianOf(numbers: readonly number[]): number {
  return medianBy(numbers, (number) => number);
}

function medianBy<T>(all: readonly T[], measure: (one: T) => number): T {
  return [...all].sort((one, other) => measure(one) - measure(other))[all.length >> 1]!;
}

const costColumns = ['CPU s service', 'CPU s Prometheus', 'requests/container', 'MB', 'peak RSS MB', 'event loop p99 ms'];

/** Prints two tables: one line per way to read, with its ratio to the first job from chunks, and one line per size of the cluster. */
export function printReport(report: Report): string {
  const { containers, scrapeSeconds, days, machine, ratios, lines } = report;
  const size = `${containers} containers, ${days} days, a sample every ${scrapeSeconds} s`;
  const where = `${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, Node ${machine.node}`;
  const rounds = lines.rounds.length;
  const summary = Object.entries(ratios).map(([name, ratio]) => `${name} ${ratio.toFixed(2)}`);
  const { rest } = lines;
  const callers = `while a job runs: POST /bulk p99 ${rest.postP99Ms.toFixed(1)} ms (${rest.posts}), GET /bulk summary p99 ${rest.summaryP99Ms.toFixed(1)} ms (${rest.summaries})`;
  const parts = [`${size}; ${where}; medians of ${rounds} rounds`, waysTable(report), summary.join('  '), callers];
  if (report.scaling.length > 0) parts.push('', scalingTable(report.scaling));
  return `${parts.join('\n')}\n`;
}

function waysTable({ containers, lines }: Report): string {
  const table = tableOf(['way', 'seconds', 'containers/s', '× chunks', ...costColumns]);
  const { chunks, repeated } = medianJobs(lines);
  const base = chunks.seconds;
  const { reference } = lines;
  const floor = medianBy(lines.floors, ({ seconds }) => seconds);
  table.push([
    `37 queries per container, three containers at a time,\nresponses dropped (${reference.askedContainers} measured, × ${(containers / reference.askedContainers).toFixed(1)});\na lower bound of Kruize, about a fifth of it`,
    ...[reference.seconds.toFixed(1), (containers / reference.seconds).toFixed(1), (reference.seconds / base).toFixed(1)],
    ...['-', reference.prometheusCpuSeconds.toFixed(1), '37', '-', '-', '-'],
  ]);
  const jobs = [
    ['job, batched PromQL', lines.promql],
    ['job, chunks, first of the process', lines.cold],
    ['job, chunks, first over these windows', chunks],
    ['job, chunks, next quarter hour', repeated],
    ['job, chunks, first over these windows, Kafka on', lines.chunksWithKafka],
  ] as const;
  for (const [name, cost] of jobs) {
    if (!cost) continue;
    const published = cost.publishedSeconds === undefined ? '' : `\n(published after ${cost.publishedSeconds.toFixed(2)} s)`;
    table.push([name + published, ...paceOf(cost), (cost.seconds / base).toFixed(2), ...costsOf(cost)]);
  }
  table.push([
    'floor: fetch, decode, window in one thread',
    ...[floor.seconds.toFixed(2), (containers / floor.seconds).toFixed(0), (floor.seconds / base).toFixed(2)],
    ...[floor.cpuSeconds.toFixed(2), floor.prometheusCpuSeconds.toFixed(2), (floor.requests / containers).toFixed(3)],
    ...[(floor.bytes / 1e6).toFixed(1), '-', '-'],
  ]);
  return table.toString();
}

/** One line per size and job. */
export function scalingTable(scaling: readonly ScalingLine[]): string {
  const table = tableOf(['cluster', 'job from chunks', 'seconds', 'containers/s', ...costColumns]);
  for (const { containers, days, scrape, ...measured } of scaling) {
    const { chunks, repeated } = medianJobs(measured);
    const cluster = `${containers} containers, ${days} days, a sample every ${scrape} s`;
    const jobs = [
      ['first of the process', measured.cold],
      ['first over these windows', chunks],
      [`next quarter hour (first / this: ${firstToRepeated(measured.rounds).toFixed(2)})`, repeated],
    ] as const;
    for (const [name, cost] of jobs) table.push([cluster, name, ...paceOf(cost), ...costsOf(cost)]);
  }
  return table.toString();
}

function tableOf(head: readonly string[]) {
  return new Table({ head: [...head], style: { head: [], border: [] }, colAligns: head.map((_, at) => (at === 0 ? 'left' : 'right')) });
}

function paceOf({ seconds, containers }: JobCost): string[] {
  return [seconds.toFixed(2), (containers / seconds).toFixed(0)];
}

function costsOf(cost: JobCost): string[] {
  const { serviceCpuSeconds, prometheusCpuSeconds, requests, containers, bytes, peakRssMb, eventLoopP99Ms } = cost;
  const cpu = [serviceCpuSeconds.toFixed(2), prometheusCpuSeconds.toFixed(2)];
  return [...cpu, (requests / containers).toFixed(3), (bytes / 1e6).toFixed(1), peakRssMb.toFixed(0), eventLoopP99Ms.toFixed(0)];
}
