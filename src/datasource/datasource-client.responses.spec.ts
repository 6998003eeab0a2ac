import { InvalidResponseError, readResponse } from './datasource-client.js';

const response = (data: unknown, more = {}) => JSON.stringify({ status: 'success', data, ...more });

describe('readResponse', () => {
  it('reads vectors with their warnings', () => {
    const data = { resultType: 'vector', result: [{ metric: { pod: 'ü"\\' }, value: [1.5, 'NaN'] }] };
    expect(readResponse(response(data, { warnings: ['partial'] }))).toEqual({
      series: [{ labels: { pod: 'ü"\\' }, samples: [[1.5, 'NaN']] }],
      warnings: ['partial'],
    });
  });

  it('reads matrices', () => {
    const values = [
      [1, '2'],
      [2, '+Inf'],
    ];
    expect(readResponse(response({ resultType: 'matrix', result: [{ metric: {}, values }] })).series).toEqual([
      { labels: {}, samples: values },
    ]);
  });

  it('reads a scalar as one series', () => {
    expect(readResponse(response({ resultType: 'scalar', result: [1, '2'] })).series).toEqual([{ labels: {}, samples: [[1, '2']] }]);
  });

  it('returns no samples for a series of histograms', () => {
    const result = [{ metric: {}, histograms: [[1, { count: '1' }]] }];
    expect(readResponse(response({ resultType: 'matrix', result })).series).toEqual([{ labels: {}, samples: [] }]);
  });

  it.each([
    ['an HTML page', '<html>'],
    ['half a response', '{"status":"success","data":{"resultType":"vec'],
    ['null', 'null'],
    ['an error with status 200', '{"status":"error","error":"no"}'],
    ['other JSON', '{"ok":true}'],
    ['no result', response({ resultType: 'vector' })],
    ['log streams', response({ resultType: 'streams', result: [] })],
    ['a sample that is a number', response({ resultType: 'vector', result: [{ metric: {}, value: [1, 2] }] })],
    ['a series without labels', response({ resultType: 'vector', result: [{ value: [1, '2'] }] })],
    ['a label that is a number', response({ resultType: 'vector', result: [{ metric: { a: 1 }, value: [1, '2'] }] })],
  ])('rejects %s', (_, text) => expect(() => readResponse(text)).toThrow(InvalidResponseError));
});
