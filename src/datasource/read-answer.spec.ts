import { NotAnAnswerError, readAnswer } from './prometheus-client.js';

const answer = (data: unknown, more = {}) => JSON.stringify({ status: 'success', data, ...more });

describe('readAnswer', () => {
  it('reads vectors with their warnings', () => {
    const data = { resultType: 'vector', result: [{ metric: { pod: 'ü"\\' }, value: [1.5, 'NaN'] }] };
    expect(readAnswer(answer(data, { warnings: ['partial'] }))).toEqual({
      series: [{ labels: { pod: 'ü"\\' }, samples: [[1.5, 'NaN']] }],
      warnings: ['partial'],
    });
  });

  it('reads matrices', () => {
    const values = [
      [1, '2'],
      [2, '+Inf'],
    ];
    expect(readAnswer(answer({ resultType: 'matrix', result: [{ metric: {}, values }] })).series).toEqual([
      { labels: {}, samples: values },
    ]);
  });

  it('reads a scalar as one series', () => {
    expect(readAnswer(answer({ resultType: 'scalar', result: [1, '2'] })).series).toEqual([{ labels: {}, samples: [[1, '2']] }]);
  });

  it('gives no samples for a series of histograms', () => {
    const result = [{ metric: {}, histograms: [[1, { count: '1' }]] }];
    expect(readAnswer(answer({ resultType: 'matrix', result })).series).toEqual([{ labels: {}, samples: [] }]);
  });

  it.each([
    ['a page', '<html>'],
    ['half an answer', '{"status":"success","data":{"resultType":"vec'],
    ['null', 'null'],
    ['an error with status 200', '{"status":"error","error":"no"}'],
    ['other JSON', '{"ok":true}'],
    ['no result', answer({ resultType: 'vector' })],
    ['streams of logs', answer({ resultType: 'streams', result: [] })],
    ['a sample of a number', answer({ resultType: 'vector', result: [{ metric: {}, value: [1, 2] }] })],
    ['a series without labels', answer({ resultType: 'vector', result: [{ value: [1, '2'] }] })],
    ['a label of a number', answer({ resultType: 'vector', result: [{ metric: { a: 1 }, value: [1, '2'] }] })],
  ])('refuses %s', (_, text) => expect(() => readAnswer(text)).toThrow(NotAnAnswerError));
});
