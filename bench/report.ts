import Table from 'cli-table3';
import type { BenchLines } from './measure-all.js';

/** How many times more the first took than the second; targets: docs/performance.md. */
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
}

export function ratiosOf({ reference, promql, chunks, floor, repeated }: BenchLines): Ratios {
  return {
    reference_to_chunks: reference.seconds / chunks.seconds,
    promql_to_chunks: promql.seconds / chunks.seconds,
    job_to_floor: chunks.seconds / floor.seconds,
    first_to_repeated: chunks.seconds / repeated.seconds,
  };
}

/** One table: a line a way, each with its ratio to the first job from chunks. */
export function printTable({ containers, scrapeSeconds, days, machine, ratios, lines }: Report): string {
  const head = [
    'way',
    'seconds',
    'containers/s',
    '× chunks',
    'CPU s service',
    'CPU s Prometheus',
    'requests/container',
    'MB',
    'peak RSS MB',
  ];
  const table = new Table({ head, style: { head: [], border: [] }, colAligns: ['left', ...head.slice(1).map(() => 'right' as const)] });
  const base = lines.chunks.seconds;
  const { reference, floor } = lines;
  table.push([
    `37 questions a container, three at a time,\nanswers dropped (${reference.askedContainers} asked, × ${(containers / reference.askedContainers).toFixed(1)});\na lower bound of Kruize, about a fifth of it`,
    ...[reference.seconds.toFixed(1), (containers / reference.seconds).toFixed(1), (reference.seconds / base).toFixed(1)],
    ...['-', reference.prometheusCpuSeconds.toFixed(1), '37', '-', '-'],
  ]);
  const jobs = [
    ['job, batched PromQL', lines.promql],
    ['job, chunks, first', lines.chunks],
    ['job, chunks, next quarter hour', lines.repeated],
    ['job, chunks, first, Kafka on', lines.chunksWithKafka],
  ] as const;
  for (const [name, cost] of jobs) {
    if (!cost) continue;
    const published = cost.publishedSeconds === undefined ? '' : `\n(published after ${cost.publishedSeconds.toFixed(2)} s)`;
    table.push([
      name + published,
      ...[cost.seconds.toFixed(2), (cost.containers / cost.seconds).toFixed(0), (cost.seconds / base).toFixed(2)],
      ...[cost.serviceCpuSeconds.toFixed(2), cost.prometheusCpuSeconds.toFixed(2), (cost.requests / cost.containers).toFixed(3)],
      ...[(cost.bytes / 1e6).toFixed(1), cost.peakRssMb.toFixed(0)],
    ]);
  }
  table.push([
    'floor: fetched, decoded, windowed by one thread',
    ...[floor.seconds.toFixed(2), (containers / floor.seconds).toFixed(0), (floor.seconds / base).toFixed(2)],
    ...[floor.cpuSeconds.toFixed(2), floor.prometheusCpuSeconds.toFixed(2), (floor.requests / containers).toFixed(3)],
    ...[(floor.bytes / 1e6).toFixed(1), '-'],
  ]);
  const size = `${containers} containers, ${days} days, a sample every ${scrapeSeconds} s`;
  const where = `${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, Node ${machine.node}`;
  const summary = Object.entries(ratios).map(([name, ratio]) => `${name} ${ratio.toFixed(2)}`);
  return `${size}; ${where}\n${table.toString()}\n${summary.join('  ')}\n`;
}
