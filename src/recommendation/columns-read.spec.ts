import { readUsageFile } from '../usage-file/read-usage-file.js';
import { recommend } from './recommend.js';
import { defaultTerms, type Term, termTable } from './settings.js';

const two: Term = { name: 'two', days: 2.5, least: { minutes: 0.7 * 2.5 * 24 * 60 }, plotBins: 3 };

import { columnsRead, rowsRead, type UsageTable } from './usage-table.js';

it.each([
  [defaultTerms, 900, 1441],
  [[termTable.short], 900, 97],
  [[termTable.short, two], 3600, 61],
  [defaultTerms, 7 * 60, 3086],
])('needs rows for the longest term, both its ends included', (terms, stepSeconds, rows) => {
  expect(rowsRead(terms, stepSeconds)).toBe(rows);
});

/** A table of two idle intervals that notes which of its columns are looked at. */
function watchedTable(): { usage: UsageTable; looked: Set<string | symbol> } {
  const looked = new Set<string | symbol>();
  const columns = new Proxy({}, { get: (_, name) => void looked.add(name) });
  const present = Uint8Array.of(1, 1);
  return { usage: { endSeconds: 1718000037, stepSeconds: 900, length: 2, present, columns, acceleratorModel: 'A100-40GB' }, looked };
}

it.each([
  ['container' as const, ['cpuUsage.count']],
  ['namespace' as const, ['namespaceMemoryUsage.avg']],
])('names the columns that the engine looks at for a %s, and beside them only %j', (kind, optional) => {
  const { usage, looked } = watchedTable();
  const { settings } = readUsageFile({ namespace: 'shop', container: 'cart', now: 1, experiment_type: kind, series: {} });

  recommend(usage, settings);

  expect([...looked].sort()).toEqual([...columnsRead[kind], ...optional].sort());
});
