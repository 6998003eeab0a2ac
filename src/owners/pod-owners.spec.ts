import { PodOwners } from './pod-owners.js';

const nan = Number.NaN;
const series = (...windows: number[][]) => {
  const rows = windows.map((window) => window.flatMap((value, row) => (Number.isNaN(value) ? [] : [row])));
  return {
    values: windows.map((window) => Float64Array.from(window)),
    firstRow: Math.min(...rows.flat()),
    endRow: Math.max(...rows.flat()) + 1,
  };
};

function ownersOf(...all: [owner: string, ...windows: number[][]][]) {
  const owners = new PodOwners();
  for (const [owner, ...windows] of all) owners.add('shop', 'pod', owner, series(...windows));
  return owners;
}

describe('PodOwners', () => {
  it('returns the rows in which a pod belonged to its workload, per window', () => {
    const owners = ownersOf(['web', [nan, 1, 2, nan, 1], [nan, nan, 1, nan, nan]]);
    expect(owners.ownersOf('shop', 'pod', 0)).toEqual([
      { owner: 'web', from: 1, to: 3 },
      { owner: 'web', from: 4, to: 5 },
    ]);
    expect(owners.ownersOf('shop', 'pod', 1)).toEqual([{ owner: 'web', from: 2, to: 3 }]);
  });

  it('takes the owner with the most samples; on a tie, the first', () => {
    const owners = ownersOf(['a', [5, 3, 2, nan]], ['b', [1, 3, 4, 2]]);
    expect(owners.ownersOf('shop', 'pod', 0)).toEqual([
      { owner: 'a', from: 0, to: 2 },
      { owner: 'b', from: 2, to: 4 },
    ]);
  });

  it('can take the first by name on a tie', () => {
    const owners = new PodOwners('by-name');
    for (const owner of ['b', 'a']) owners.add('shop', 'pod', owner, series([1, 1]));
    expect(owners.ownersOf('shop', 'pod', 0)).toEqual([{ owner: 'a', from: 0, to: 2 }]);
  });

  it('distinguishes pods with the same name in different namespaces', () => {
    const owners = ownersOf(['web', [1]]);
    expect(owners.ownersOf('pay', 'pod', 0)).toEqual([]);
  });

  it('copies the values, because the memory of a series is reused', () => {
    const owners = new PodOwners();
    const added = series([1, 1]);
    owners.add('shop', 'pod', 'web', added);
    added.values[0]!.fill(nan);
    expect(owners.ownersOf('shop', 'pod', 0)).toEqual([{ owner: 'web', from: 0, to: 2 }]);
  });

  it('ignores series without samples', () => {
    const owners = new PodOwners();
    owners.add('shop', 'pod', 'web', { values: [Float64Array.of(nan)], firstRow: 0, endRow: 0 });
    expect(owners.isEmpty).toBe(true);
  });
});
