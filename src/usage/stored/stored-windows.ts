import type { UsageTable } from '../../recommendation/usage-table.js';
import { giveTables } from '../columns.js';
import { TableDraft } from '../table-draft.js';
import type { Arena } from './arena.js';
import { blockOf, intersect, type RowRange, rowsOfBlock } from './row-numbers.js';
import { type BlockSource, BlockWriter, copyRows, labelsIn, readBlock, rowsIn, type WindowBlock } from './window-block.js';
import type { WindowLabels } from './window-labels.js';

/** What is stored of one experiment. */
export interface StoredWindows {
  /** Ascending by number, none twice. */
  readonly blocks: readonly WindowBlock[];
  /** The rows that are there without a gap from the first wanted one on; may reach beyond the last wanted one. */
  readonly known: RowRange;
  /** Absent where nothing is known. */
  readonly labels?: WindowLabels;
}

/** Looks through an experiment's blocks for the rows from `firstRow` on. */
export function findKnown(unsorted: readonly WindowBlock[], firstRow: number): StoredWindows {
  const blocks = [...unsorted].sort((a, b) => a.number - b.number);
  let to = firstRow;
  let newest: WindowBlock | undefined;
  for (const block of blocks) {
    const held = rowsIn(block);
    if (held.from > to || held.to <= to) continue;
    to = held.to;
    newest = block;
  }
  return { blocks, known: { from: firstRow, to }, ...(newest && { labels: labelsIn(newest) }) };
}

/**
 * The table of the window from its stored rows before `seam` and, from there on, those of a table that was read anew and ends where the window does.
 * Labels are the caller's to set.
 */
export function mergeTables({ blocks }: StoredWindows, newest: UsageTable, window: RowRange, seam: number): TableDraft {
  const { endSeconds, stepSeconds } = newest;
  const draft = new TableDraft({ endSeconds, stepSeconds, rows: window.to - window.from });
  for (const block of blocks) readBlock(block, { from: window.from, to: seam }, draft, window.from);
  copyRows(newest, newest.length - (window.to - seam), draft, seam - window.from, window.to - seam);
  return draft;
}

/** The blocks that a window's rows from `seam` on change, written anew into the arena; what they hold before the window stays in them. */
export function changedBlocks(
  source: BlockSource,
  { window, seam, stored }: { readonly window: RowRange; readonly seam: number; readonly stored: readonly WindowBlock[] },
  arena: Arena,
): WindowBlock[] {
  const changed: WindowBlock[] = [];
  const writer = new BlockWriter(source, arena);
  for (let number = blockOf(seam); number <= blockOf(window.to - 1); number++) {
    const before = stored.find((block) => block.number === number);
    const rows = intersect(rowsOfBlock(number), window);
    const block = (before && joinBlock(source, rows, before, arena)) ?? writer.write(rows);
    if (!before?.data.equals(block.data)) changed.push(block);
  }
  return changed;
}

/** A block with these rows of the source and with those of `before` that come right before them; undefined where there are none. */
function joinBlock(source: BlockSource, rows: RowRange, before: WindowBlock, arena: Arena): WindowBlock | undefined {
  const held = rowsIn(before);
  if (held.from >= rows.from || held.to < rows.from) return undefined;
  const all = { from: held.from, to: rows.to };
  const draft = new TableDraft({ endSeconds: 0, stepSeconds: 1, rows: all.to - all.from });
  readBlock(before, { from: all.from, to: rows.from }, draft, all.from);
  copyRows(source.table, rows.from - source.firstRow, draft, rows.from - all.from, rows.to - rows.from);
  const table = draft.finish();
  const block = new BlockWriter({ ...source, table, firstRow: all.from }, arena).write(all);
  giveTables([table]);
  return block;
}
