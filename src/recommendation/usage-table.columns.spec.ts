import { readUsageFile } from '../usage-file/read-usage-file.js';
import { recommend } from './recommend.js';
import { defaultTerms, type Term, termTable } from './settings.js';

const two: Term = { name: 'two', days: 2.5, minimum: { minutes: 0.7 * 2.5 * 24 * 60 }, plotBins: 3 };

import { columnsRead, rowsRead, type UsageTable } from './usage-table.js';

it.each([
  [defaultTerms, 900, 1441],
  [[termTable.short], 900, 97],
  [[termTable.short, two], 3600, 61],
  [defaultTerms, 7 * 60, 3086],
])('reads rows for the longest term, both ends included', (terms, stepSeconds, rows) => {
  expect(rowsRead(terms, stepSeconds)).toBe(rows);
});

/** A table of two idle intervals that records which of its columns are read. */
function recordingTable(): { usage: UsageTable; columnsUsed: Set<string | symbol> } {
  const columnsUsed = new Set<string | symbol>();
  const columns = new Proxy({}, { get: (_, name) => void columnsUsed.add(name) });
  const present = Uint8Array.of(1, 1);
  return { usage: { endSeconds: 1718000037, stepSeconds: 900, length: 2, present, columns, acceleratorModel: 'A100-40GB' }, columnsUsed };
}

it.each([
  ['container' as const, ['cpuUsage.count']],
  ['namespace' as const, ['namespaceMemoryUsage.avg']],
])('lists all columns that the engine reads for a %s except %j', (kind, optional) => {
  const { usage, columnsUsed } = recordingTable();
  const { settings } = readUsageFile({ namespace: 'shop', container: 'cart', now: 1, experiment_type: kind, series: {} });

  recommend(usage, settings);

  expect([...columnsUsed].sort()).toEqual([...columnsRead[kind], ...optional].sort());
});
