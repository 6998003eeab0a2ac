import { findMutants } from './find-mutants.js';

const mutated = (text: string) =>
  findMutants('x.ts', text).map(({ rule, start, end, after }) => [rule, text.slice(0, start) + after + text.slice(end)]);

describe('findMutants', () => {
  it('drops each predicate of a statement', () => {
    const text = 'run(`UPDATE shard SET a = 1 WHERE job_id = $1 AND number = $2 AND NOT EXISTS (SELECT FROM x WHERE y = (z)) RETURNING a`)';
    const rest = mutated(text).map(([, after]) => after);
    expect(rest).toContain(text.replace(' AND number = $2', ' AND ($2::text IS NOT NULL OR true)'));
    expect(rest).toContain(text.replace(' AND NOT EXISTS (SELECT FROM x WHERE y = (z))', ''));
    expect(rest).toContain(text.replace('WHERE job_id = $1', 'WHERE true AND ($1::text IS NOT NULL OR true)'));
  });

  it('drops a predicate with its texts and its range', () => {
    const text = "run(`SELECT a FROM job WHERE state = 'open' AND kind <> 'x' AND n BETWEEN ${from} AND ${to}`)";
    const rest = mutated(text).map(([, after]) => after);
    expect(rest).toEqual([
      text.replace(" AND kind <> 'x'", ''),
      text.replace(' AND n BETWEEN ${from} AND ${to}', ''),
      text.replace("WHERE state = 'open'", 'WHERE true'),
    ]);
  });

  it('drops locks', () => {
    expect(mutated("run('SELECT FROM job WHERE id = $1 FOR NO KEY UPDATE')").map(([, after]) => after)).toContain(
      "run('SELECT FROM job WHERE id = $1 ')",
    );
  });

  it('inverts early returns, also where they throw', () => {
    expect(mutated('if (a) return;\nif (b) { throw c; }\nif (d) e();')).toEqual([
      ['invert-return', 'if (!(a)) return;\nif (b) { throw c; }\nif (d) e();'],
      ['invert-return', 'if (a) return;\nif (!(b)) { throw c; }\nif (d) e();'],
    ]);
  });

  it('shifts comparisons', () => {
    expect(mutated('x(a < b, c >= d, e !== f, g + h)').map(([, after]) => after)).toEqual([
      'x(a <= b, c >= d, e !== f, g + h)',
      'x(a < b, c > d, e !== f, g + h)',
      'x(a < b, c >= d, e === f, g + h)',
    ]);
  });

  it('drops the await of a commit, not that of a read', () => {
    expect(mutated('async () => { await this.leases.settle(t); await this.find(); await a.wake(b).catch(c); }')).toEqual([
      ['drop-await', 'async () => { (this.leases.settle(t)); await this.find(); await a.wake(b).catch(c); }'],
      ['drop-await', 'async () => { await this.leases.settle(t); await this.find(); (a.wake(b).catch(c)); }'],
    ]);
  });
});
