import { TableDraft } from '../table-draft.js';
import { mergeWindow } from './read-windows.js';

const window = { from: 100, to: 200 };
const newestRows = 10;
const java = (version: string) => ({ runtime: 'OpenJDK', vendor: 'x', version });

/** What a stored window with a JVM becomes when its newest rows show `version`, and a last interval with `cpu` or with no sample at all. */
function merged(version: string, cpu: number | undefined) {
  const draft = new TableDraft({ endSeconds: 200 * 900, stepSeconds: 900, rows: newestRows });
  draft.present.fill(1);
  draft
    .columnOf('cpuUsage.avg')
    .fill(1)
    .fill(cpu ?? Number.NaN, newestRows - 1);
  draft.jvm = java(version);
  draft.jvmLastRow = newestRows - 1;
  const labels = { fromRow: 100, jvm: { value: java('17'), lastRow: 195, behind: java('21') } };
  return mergeWindow({ blocks: [], known: { from: 100, to: 198 }, labels }, draft.finish(), window);
}

describe('a window whose newest rows show another JVM, which goes behind the stored one', () => {
  it('must be read whole where an interval of the newest rows may be there by that JVM alone', () => {
    expect(merged('21', undefined)).toMatchObject({ isSettled: false, labels: { jvm: { value: java('21') } } });
  });

  it('keeps the stored JVM where every interval has a sample', () => {
    expect(merged('21', 1)).toMatchObject({ isSettled: true, table: { jvm: java('17') } });
  });

  it('is not doubted where both show the same', () => {
    expect(merged('17', undefined)).toMatchObject({ isSettled: true, table: { jvm: java('17') } });
  });
});
