import { TableDraft } from '../table-draft.js';
import { labelsOf, type Sighting, settleLabel, settleLabels, settleWhole } from './window-rows.js';

const seen = (value: string, lastRow: number, behind?: string): Sighting<string> => ({ value, lastRow, ...(behind && { behind }) });

describe('settleLabel', () => {
  it.each([
    ['nothing was seen', undefined, undefined, undefined],
    ['it is seen for the first time', undefined, seen('17', 50), seen('17', 50)],
    ['it is seen again', seen('17', 40), seen('17', 50), seen('17', 50)],
    ['it is not seen in the newest rows, but is in the window', seen('17', 40), undefined, seen('17', 40)],
    ['the newest rows show what goes behind it', seen('17', 40, '21'), seen('21', 50), seen('17', 40, '21')],
    ['it is seen again before what goes behind it', seen('17', 40, '21'), seen('17', 50), seen('17', 50, '21')],
    ['the newest rows show something new', seen('17', 40), seen('21', 50), 'unclear'],
    ['they show something else than what goes behind it', seen('17', 40, '21'), seen('11', 50), 'unclear'],
    ['it has left the window', seen('17', 9), undefined, 'unclear'],
    ['it is seen again after it had been away', seen('17', 9), seen('17', 50), seen('17', 50)],
    ["it was seen last in the window's first row", seen('17', 10), undefined, seen('17', 10)],
    ["it was seen last in the window's last row", seen('17', 50), undefined, seen('17', 50)],
    ['it was seen last right after the window', seen('17', 51), undefined, 'unclear'],
    ['it was seen last after an earlier window', seen('17', 60), undefined, 'unclear'],
    ['it was seen in an earlier window too', seen('17', 60), seen('17', 50), seen('17', 60)],
    ['it has left the window to what stood behind it', seen('17', 9, '21'), seen('21', 50), 'unclear'],
  ])('where %s', (_, stored, newest, expected) => {
    expect(settleLabel(stored, newest, { from: 10, to: 51 })).toEqual(expected);
  });
});

describe('settleWhole', () => {
  it.each([
    ['remembers what goes behind', seen('17', 40), seen('21', 50), seen('17', 40, '21')],
    ['has nothing to remember where both say the same', seen('21', 50), seen('21', 50), seen('21', 50)],
    ['takes what the whole window says', undefined, seen('21', 50), undefined],
  ])('%s', (_, whole, newest, expected) => {
    expect(settleWhole(whole, newest)).toEqual(expected);
  });
});

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
