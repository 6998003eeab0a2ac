import { planChunkQuestions } from './plan-chunk-questions.js';
import { readDiscoveryShape } from './read-discovery-shape.js';

const shape = (query: string) => readDiscoveryShape(query)!;
const joined = (left: string, right: string) =>
  `sum by (n) (avg_over_time(${left}[1d]) * on (n) group_left () count_over_time(${right}[1d]))`;

/** Each question as its metric and its functions. */
const asked = (...queries: string[]) =>
  planChunkQuestions(queries.map(shape)).questions.map(({ matchers, windows }) =>
    [matchers.map(({ value }) => value).join(), ...windows.map(({ function: name, rangeMs }) => `${name} ${rangeMs / 3_600_000}h`)].join(
      ' ',
    ),
  );

describe('planChunkQuestions', () => {
  it('asks equal selectors once, with all that is wanted of them, what others are joined to first', () => {
    expect(asked(joined('x', 'y'), 'sum by (n) (avg_over_time(y[1d]))', 'sum by (n) (max_over_time(y[2h]))', joined('x', 'z'))).toEqual([
      'y count_over_time 24h,avg_over_time 24h,max_over_time 2h,count_over_time 2h'.replaceAll(',', ' '),
      'z count_over_time 24h',
      'x avg_over_time 24h count_over_time 24h',
    ]);
  });

  it('asks twice what is on both sides of joins', () => {
    expect(asked(joined('x', 'y'), joined('y', 'x'))).toEqual([
      'y count_over_time 24h',
      'x count_over_time 24h',
      'x avg_over_time 24h count_over_time 24h',
      'y avg_over_time 24h count_over_time 24h',
    ]);
  });

  it('tells each query where its series are', () => {
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
