import { readDiscoveryShape } from './discovery-shape.js';
import { planChunkQuestions, ShapeReading } from './from-chunks.js';

const shape = (query: string) => readDiscoveryShape(query)!;
const joined = (left: string, right: string) =>
  `sum by (n) (avg_over_time(${left}[1d]) * on (n) group_left () count_over_time(${right}[1d]))`;

/** Each question as text: its metric and its functions. */
const planned = (...queries: string[]) =>
  planChunkQuestions(queries.map(shape)).questions.map(({ matchers, windows }) =>
    [matchers.map(({ value }) => value).join(), ...windows.map(({ function: name, rangeMs }) => `${name} ${rangeMs / 3_600_000}h`)].join(
      ' ',
    ),
  );

describe('planChunkQuestions', () => {
  it('reads equal selectors once, with all their functions, the one-sides of joins first', () => {
    expect(planned(joined('x', 'y'), 'sum by (n) (avg_over_time(y[1d]))', 'sum by (n) (max_over_time(y[2h]))', joined('x', 'z'))).toEqual([
      'y count_over_time 24h,avg_over_time 24h,max_over_time 2h,count_over_time 2h'.replaceAll(',', ' '),
      'z count_over_time 24h',
      'x avg_over_time 24h count_over_time 24h',
    ]);
  });

  it('reads a selector twice if it is on both sides of joins', () => {
    expect(planned(joined('x', 'y'), joined('y', 'x'))).toEqual([
      'y count_over_time 24h',
      'x count_over_time 24h',
      'x avg_over_time 24h count_over_time 24h',
      'y avg_over_time 24h count_over_time 24h',
    ]);
  });

  it('returns the place of each vector', () => {
    const { shapes } = planChunkQuestions([joined('x', 'y'), 'sum by (n) (avg_over_time(y[1d]))'].map(shape));
    expect(shapes.map(({ vector, side }) => [vector, side])).toEqual([
      [
        { question: 1, values: 0, counts: 1 },
        { question: 0, values: 0, counts: 0 },
      ],
      [{ question: 0, values: 1, counts: 0 }, undefined],
    ]);
  });
});

const none = Number.NaN;
interface Given {
  readonly metric: 'left' | 'right';
  readonly labels: Record<string, string>;
  /** A count per row, which is also the value unless `values` are given. */
  readonly counts: readonly number[];
  readonly values?: readonly number[];
}

/** The result over three rows: labels and values by row. */
function read(query: string, given: readonly Given[]) {
  const plan = planChunkQuestions([readDiscoveryShape(query)!]);
  const reading = new ShapeReading(plan.shapes[0]!, 3);
  plan.questions.forEach(({ matchers, windows }, question) => {
    for (const { metric, labels, counts, values = counts } of given) {
      if (metric !== matchers[0]!.value) continue;
      const columns = windows.map(({ function: name }) => Float64Array.from(name === 'count_over_time' ? counts : values));
      const rows = counts.flatMap((count, row) => (count > 0 ? [row] : []));
      reading.add({ question, labels, values: columns, firstRow: rows[0] ?? 0, endRow: (rows.at(-1) ?? -1) + 1 });
    }
  });
  return reading
    .result((row) => 100 + row)
    ?.map(({ labels, samples }) => [Object.values(labels).join(), ...samples.map(([seconds, value]) => `${seconds}: ${value}`)]);
}

const left = (labels: Record<string, string>, counts: readonly number[], values?: readonly number[]): Given => ({
  metric: 'left',
  labels,
  counts,
  values,
});
const right = (labels: Record<string, string>, counts: readonly number[]): Given => ({ metric: 'right', labels, counts });
const top = 'sum by (n, w) (avg_over_time(left[1d]) * on (p) group_left (w) (topk by (p) (1, count_over_time(right[1d])) > bool 0))';
const plain = 'sum by (n, w) (avg_over_time(left[1d]) * on (p) group_left (w) count_over_time(right[1d]))';

describe('ShapeReading', () => {
  it('sums the windows that hold samples, whatever their values', () => {
    const given = [
      left({ n: 'a', p: '1' }, [3, 1, none], [1, 0.5, none]),
      left({ n: 'a', p: '2' }, [none, 1, none], [none, 1, none]),
      left({ n: 'b', p: '3' }, [1, none, 2], [none, none, 0]),
      left({ n: 'c', p: '4' }, [none, none, none]),
    ];
    expect(read('sum by (n) (avg_over_time(left[1d]))', given)).toEqual([
      ['a', '100: 1', '101: 1.5'],
      ['b', '100: NaN', '102: 0'],
    ]);
  });

  it('treats a missing label as empty', () => {
    const given = [left({ n: 'a' }, [1]), left({ n: 'a', x: '' }, [1]), left({}, [1])];
    expect(read('sum by (x, n) (avg_over_time(left[1d]))', given)).toEqual([
      ['a', '100: 2'],
      ['', '100: 1'],
    ]);
  });

  it('assigns a pod at each row to the owner with the most samples, on a tie to the first', () => {
    const given = [
      left({ n: 'a', p: '1' }, [1, 1, 1], [1, 1, 1]),
      right({ p: '1', w: 'old' }, [9, 5, none]),
      right({ p: '1', w: 'new' }, [1, 5, 8]),
    ];
    expect(read(top, given)).toEqual([
      ['a,old', '100: 1', '101: 1'],
      ['a,new', '102: 1'],
    ]);
  });

  it('drops rows without a match', () => {
    const given = [left({ n: 'a', p: '1' }, [1, 1, 1]), left({ n: 'b', p: '2' }, [1, 1, 1]), right({ p: '1', w: 'w' }, [none, 4, none])];
    expect(read(plain, given)).toEqual([['a,w', '101: 4']]);
  });

  it('leaves out an included label that the one-side lacks', () =>
    expect(read(plain, [left({ n: 'a', p: '1' }, [1]), right({ p: '1' }, [2])])).toEqual([['a', '100: 2']]));

  it('has no result if two series match at one row', () => {
    const given = [left({ n: 'a', p: '1' }, [1, 1]), right({ p: '1', w: 'w' }, [1, none])];
    expect(read(plain, [...given, right({ p: '1', w: 'v' }, [none, 1])])).toHaveLength(2);
    expect(read(plain, [...given, right({ p: '1', w: 'v' }, [1, 1])])).toBeUndefined();
  });

  it('has no result if the join would overwrite a label', () =>
    expect(read(top, [left({ n: 'a', p: '1', w: 'own' }, [1]), right({ p: '1', w: 'w' }, [1])])).toBeUndefined());
});
