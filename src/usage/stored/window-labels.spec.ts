import { TableDraft } from '../table-draft.js';
import { labelsOf, settleLabels } from './window-labels.js';

const window = { from: 100, to: 150 };

it('holds for its own window and for later ones, not for those that begin earlier', () => {
  const newest = { fromRow: 145 };
  expect(settleLabels({ fromRow: 100 }, newest, window)).toEqual({ fromRow: 100 });
  expect(settleLabels({ fromRow: 99 }, newest, window)).toEqual({ fromRow: 99 });
  expect(settleLabels({ fromRow: 101 }, newest, window)).toBeUndefined();
});

it.each([
  ['the first', 0],
  ['a later', 7],
])('knows of a GPU that was seen last in %s row', (_, row) => {
  const draft = new TableDraft({ endSeconds: 0, stepSeconds: 900, rows: 10 });
  draft.present.fill(1);
  draft.acceleratorModel = 'NVIDIA-A100';
  draft.columnOf('acceleratorMemoryUsage.max')[row] = 1;
  expect(labelsOf(draft.finish(), 100)).toEqual({ fromRow: 100, model: { value: 'NVIDIA-A100', lastRow: 100 + row } });
});
