import Table from 'cli-table3';
import type { ContainerRecommendation, Requests } from './read-recommendation.js';

/** Maximum rows of the table. The largest changes come first. */
const maxRows = 60;
const mib = 1024 ** 2;

/** Renders the table of recommendations: current and recommended requests of both models, with the change in percent. */
export function recommendationTable(rows: readonly ContainerRecommendation[]): string {
  const table = new Table({
    head: ['workload', 'container', 'term', 'CPU cores now', '→ cost', '→ performance', 'memory MiB now', '→ cost', '→ performance'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'right', 'right', 'right'],
  });
  const shown = [...rows].sort((one, other) => changeOf(other) - changeOf(one)).slice(0, maxRows);
  for (const row of shown) table.push(cellsOf(row));
  const rest = rows.length - shown.length;
  const notes = [
    ...(rest > 0 ? [`… and ${rest} more with smaller changes`] : []),
    '-: no recommendation, for example because a container uses no CPU or is too new',
    totals(rows),
  ];
  return [table.toString(), ...notes].join('\n');
}

function cellsOf(row: ContainerRecommendation): string[] {
  const { current, cost, performance } = row;
  return [
    `${row.namespace}/${row.workload} (${row.workloadType})`,
    row.container,
    row.term ?? 'too little data',
    row.term ? cores(current.cpuCores) : 'unknown',
    changed(current.cpuCores, cost.cpuCores, cores),
    changed(current.cpuCores, performance.cpuCores, cores),
    row.term ? mebibytes(current.memoryBytes) : 'unknown',
    changed(current.memoryBytes, cost.memoryBytes, mebibytes),
    changed(current.memoryBytes, performance.memoryBytes, mebibytes),
  ];
}

function changed(from: number | undefined, to: number | undefined, show: (amount?: number) => string): string {
  if (to === undefined) return '-';
  if (from === undefined) return `${show(to)} (new)`;
  // Truncated, not rounded: only a removed request shows as -100%.
  const percent = Math.trunc(((to - from) / from) * 100);
  return `${show(to)} (${percent > 0 ? '+' : ''}${percent}%)`;
}

const cores = (amount?: number) => (amount === undefined ? 'not set' : String(Number(amount.toFixed(amount < 0.01 ? 4 : 2))));
const mebibytes = (bytes?: number) => (bytes === undefined ? 'not set' : String(Math.round(bytes / mib)));

/** How much the cost model changes the requests of one pod, in cores. 4 GiB count as one core, similar to cloud prices. */
function changeOf({ current, cost }: ContainerRecommendation): number {
  const change = (now?: number, then?: number) => (then === undefined ? 0 : Math.abs((now ?? 0) - then));
  return change(current.cpuCores, cost.cpuCores) + change(current.memoryBytes, cost.memoryBytes) / (4 * 1024 * mib);
}

function totals(rows: readonly ContainerRecommendation[]): string {
  const sized = rows.filter(({ term }) => term);
  const sum = (of: (row: ContainerRecommendation) => Requests) => {
    const cpuCores = sized.reduce((total, row) => total + (of(row).cpuCores ?? row.current.cpuCores ?? 0), 0);
    const memoryBytes = sized.reduce((total, row) => total + (of(row).memoryBytes ?? row.current.memoryBytes ?? 0), 0);
    return `${cpuCores.toFixed(1)} cores and ${(memoryBytes / mib / 1024).toFixed(1)} GiB`;
  };
  return (
    `Requests of one pod of each: now ${sum(({ current }) => current)}, ` +
    `by cost ${sum(({ cost }) => cost)}, by performance ${sum(({ performance }) => performance)}.`
  );
}
