import { gzipSync } from 'node:zlib';
import fc from 'fast-check';

/** The response of a datasource to the next request. */
export interface DatasourceAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Number of bytes after which the connection breaks. */
  readonly cutAt?: number;
}

const value = fc.constantFrom('1', '0', '-1', 'NaN', '+Inf', '-Inf', '1e400', 'x', '');
const label = fc.constantFrom('namespace', 'workload', 'workload_type', 'container', 'image', 'pod', '__name__', 'datasource');
const labels = fc.dictionary(
  label,
  fc.oneof(fc.constantFrom('shop', 'deployment', 'app', '', 'ünï💥', '\u0000'), fc.string({ unit: 'binary', maxLength: 100 })),
  { maxKeys: 6 },
);
const samples = fc.array(fc.tuple(fc.oneof(fc.integer({ min: 1_795_000_000, max: 1_796_500_000 }), fc.double()), value), { maxLength: 50 });
const series = fc.record(
  {
    metric: fc.oneof(labels, fc.jsonValue()),
    value: fc.oneof(fc.tuple(fc.integer(), value), fc.jsonValue()),
    values: fc.oneof(samples, fc.jsonValue()),
  },
  { requiredKeys: [] },
);
const answer = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record(
        {
          status: fc.constant('success'),
          data: fc.record({
            resultType: fc.constantFrom('vector', 'matrix', 'scalar', 'string'),
            result: fc.array(series, { maxLength: 30 }),
          }),
          warnings: fc.oneof(fc.array(fc.string(), { maxLength: 3 }), fc.jsonValue()),
        },
        { requiredKeys: ['status', 'data'] },
      )
      .map((each) => JSON.stringify(each)),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ status: fc.constant('error'), errorType: fc.string(), error: fc.string({ maxLength: 2_000 }) })
      .map((each) => JSON.stringify(each)),
  },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 2_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3_000_000 }).map((length) => `{"status":"success","data":"${'x'.repeat(length)}"}`) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 100_000 }).map((times) => `{"status":"success","data":${'['.repeat(times)}`) },
);
const status = fc.oneof(
  { weight: 8, arbitrary: fc.constant(200) },
  { weight: 1, arbitrary: fc.constantFrom(204, 301, 400, 401, 403, 404, 422, 429, 500, 502, 503, 599) },
);
const type = fc.constantFrom('application/json', 'text/html', 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse', '');

/** Any response: well formed with strange values, malformed, an error status, or cut off. */
export const datasourceAnswer: fc.Arbitrary<DatasourceAnswer> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(status, type, answer)
      .map(([code, contentType, text]) => ({ status: code, headers: { 'content-type': contentType }, body: Buffer.from(text) })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(answer, fc.boolean()).map(([text, isGzip]) => ({
      status: 200,
      headers: { 'content-encoding': 'gzip' },
      body: isGzip ? gzipSync(text) : Buffer.from(text),
    })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(answer, fc.nat(500)).map(([text, cutAt]) => ({ status: 200, headers: {}, body: Buffer.from(text), cutAt })),
  },
  // Invalid remote-read frames.
  {
    weight: 2,
    arbitrary: fc.uint8Array({ maxLength: 3_000 }).map((bytes) => ({
      status: 200,
      headers: { 'content-type': 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse' },
      body: Buffer.from(bytes),
    })),
  },
);
