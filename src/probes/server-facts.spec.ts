import { factsInstant, factsQuery, readServerFacts } from './server-facts.js';

const answer = (facts: Record<string, string>) =>
  Object.entries(facts).map(([fact, value]) => ({ labels: { fact }, samples: [[0, value]] as const }));

describe('readServerFacts', () => {
  it.each([
    [
      'Prometheus 2.42',
      { boundary: '2', steps: '61', extrapolation: '340' },
      { boundary: 'closed', evaluationMs: 60_000, extrapolation: 'zero-first' },
    ],
    [
      'Prometheus 2.53',
      { boundary: '2', steps: '61', extrapolation: '330' },
      { boundary: 'closed', evaluationMs: 60_000, extrapolation: 'threshold-first' },
    ],
    [
      'Prometheus 3',
      { boundary: '1', steps: '60', extrapolation: '330' },
      { boundary: 'left-open', evaluationMs: 60_000, extrapolation: 'threshold-first' },
    ],
    ['one that evaluates every 30 s', { boundary: '2', steps: '121' }, { boundary: 'closed', evaluationMs: 30_000 }],
    ['one that evaluates every 7 s', { boundary: '2', steps: '515' }, { boundary: 'closed', evaluationMs: 7_000 }],
    ['one that evaluates every second', { boundary: '1', steps: '3600' }, { boundary: 'left-open', evaluationMs: 1_000 }],
  ])('understands %s', (_, facts, expected) => expect(readServerFacts(answer(facts))).toEqual(expected));

  it.each([
    [undefined, 'closed'],
    ['2.45.0', 'closed'],
    ['3.1.0', 'left-open'],
  ])('goes by the version %s where the answer is empty', (version, boundary) =>
    expect(readServerFacts([], version)).toEqual({ boundary, evaluationMs: 60_000 }),
  );

  it('asks at a full hour, for whole steps', () => {
    expect(factsInstant(7_300_000)).toBe(7_200);
    expect(factsQuery(7_200)).toContain('(vector(time()) - 6860) >= 40');
  });
});
