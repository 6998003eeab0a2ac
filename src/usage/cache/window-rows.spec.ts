import { TableDraft } from '../table-draft.js';
import { labelsOf, type Sighting, settleComplete, settleLabel, settleLabels } from './window-rows.js';

const seen = (value: string, lastRow: number, behind?: string): Sighting<string> => ({ value, lastRow, ...(behind && { behind }) });

describe('settleLabel', () => {
  it.each([
    ['nothing was seen', undefined, undefined, undefined],
    ['a label is seen for the first time', undefined, seen('17', 50), seen('17', 50)],
    ['the newest rows show the same label', seen('17', 40), seen('17', 50), seen('17', 50)],
    ['the newest rows show none, but the label is in the window', seen('17', 40), undefined, seen('17', 40)],
    ['the newest rows show the label known to come second', seen('17', 40, '21'), seen('21', 50), seen('17', 40, '21')],
    ['the newest rows show the first of two known labels', seen('17', 40, '21'), seen('17', 50), seen('17', 50, '21')],
    ['the newest rows show an unknown label', seen('17', 40), seen('21', 50), 'unclear'],
    ['the newest rows show a third label', seen('17', 40, '21'), seen('11', 50), 'unclear'],
    ['the label has left the window', seen('17', 9), undefined, 'unclear'],
    ['the label is seen again after it had left the window', seen('17', 9), seen('17', 50), seen('17', 50)],
    ["the label was last seen in the window's first row", seen('17', 10), undefined, seen('17', 10)],
    ["the label was last seen in the window's last row", seen('17', 50), undefined, seen('17', 50)],
    ['the label was last seen directly after the window', seen('17', 51), undefined, 'unclear'],
    ['the label was last seen after the end of an earlier window', seen('17', 60), undefined, 'unclear'],
    ['the label is also seen in an earlier window', seen('17', 60), seen('17', 50), seen('17', 60)],
    ['the first label has left the window and the second remains', seen('17', 9, '21'), seen('21', 50), 'unclear'],
  ])('if %s', (_, stored, newest, expected) => {
    expect(settleLabel(stored, newest, { from: 10, to: 51 })).toEqual(expected);
  });
});

describe('settleComplete', () => {
  it.each([
    ['remembers the label that comes second', seen('17', 40), seen('21', 50), seen('17', 40, '21')],
    ['remembers none if both labels are the same', seen('21', 50), seen('21', 50), seen('21', 50)],
    ['uses the label of the complete window', undefined, seen('21', 50), undefined],
  ])('%s', (_, complete, newest, expected) => {
    expect(settleComplete(complete, newest)).toEqual(expected);
  });
});

const window = { from: 100, to: 150 };

it('settles labels for the same window and later ones, but not for windows that begin earlier', () => {
  const newest = { fromRow: 145 };
  expect(settleLabels({ fromRow: 100 }, newest, window)).toEqual({ fromRow: 100 });
  expect(settleLabels({ fromRow: 99 }, newest, window)).toEqual({ fromRow: 99 });
  expect(settleLabels({ fromRow: 101 }, newest, window)).toBeUndefined();
});

it.each([
  ['the first', 0],
  ['a later', 7],
])('finds a GPU that was last seen in %s row', (_, row) => {
  const draft = new TableDraft({ endSeconds: 0, stepSeconds: 900, rows: 10 });
  draft.present.fill(1);
  draft.acceleratorModel = 'NVIDIA-A100';
  draft.columnOf('acceleratorMemoryUsage.max')[row] = 1;
  expect(labelsOf(draft.finish(), 100)).toEqual({ fromRow: 100, model: { value: 'NVIDIA-A100', lastRow: 100 + row } });
});
