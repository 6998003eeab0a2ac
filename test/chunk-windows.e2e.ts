import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatasourceClient } from '../src/datasource/datasource-client.js';
import { DatasourceHttp } from '../src/datasource/datasource-http.js';
import { WasmKernel } from '../src/remote-read/kernel.js';
import { encodeReadRequest } from '../src/remote-read/read-request.js';
import { readSeriesWindows } from '../src/remote-read/read-series-windows.js';
import { type ChunkQuestion, type Grid, type SeriesWindows, type Windows, windowFunctions } from '../src/remote-read/series-windows.js';
import { generateSamples } from './chunks/generate-series.js';
import { TwinKernel } from './chunks/twin-kernel.js';
import { writeRemotely } from './chunks/write-remotely.js';
import { exampleDatasource } from './examples.js';
import { type PrometheusServer, startPrometheus } from './servers/prometheus.js';
import { makeTempFolder, removeTempFolder } from './servers/temp-folder.js';

const hourMs = 3_600_000;
const minuteMs = 60_000;
/** The first eight hours are in a block, the next four in the head (or in what Prometheus has compacted it to). */
const startMs = 1_795_132_800_000;
const writtenFromMs = startMs + 8 * hourMs;
const endMs = startMs + 12 * hourMs;
const seriesCount = 84;
const seed = 20_261_121;
const labelsOf = (index: number) => ({ __name__: 'generated', series: String(index) });
const numbers = Array.from({ length: seriesCount }, (_, index) => index);

const lookBackMs = 5 * minuteMs;
const windowsOf = (...minutes: number[]): Windows[] => [
  { function: 'instant', rangeMs: lookBackMs },
  ...windowFunctions
    .filter((name) => name !== 'instant')
    .flatMap((name) => minutes.map((range) => ({ function: name, rangeMs: range * minuteMs }))),
];
/** Adjacent windows, windows with gaps and overlapping windows. They end at samples and between samples. */
const cases: readonly (readonly [string, { stepMs: number; endMs: number; rows: number; windows: readonly Windows[] }])[] = [
  ['15 min on the grid', { stepMs: 15 * minuteMs, endMs, rows: 49, windows: windowsOf(15, 7, 60) }],
  ['15 min off the grid', { stepMs: 15 * minuteMs, endMs: endMs - 432_123, rows: 46, windows: windowsOf(15, 20) }],
  ['15 min beyond both ends', { stepMs: 15 * minuteMs, endMs: endMs + hourMs, rows: 60, windows: windowsOf(15) }],
  ['2 min on the grid', { stepMs: 2 * minuteMs, endMs: endMs - 2 * hourMs, rows: 240, windows: windowsOf(2, 5) }],
  ['2 min off the grid', { stepMs: 2 * minuteMs, endMs: endMs - 10_007, rows: 200, windows: windowsOf(2, 3) }],
];

let server: PrometheusServer;
let http: DatasourceHttp;

beforeAll(async () => {
  const folder = makeTempFolder('chunk-windows');
  const file = join(folder, 'metrics.om');
  const lines = numbers.flatMap((index) =>
    generateSamples(index, { fromMs: startMs, untilMs: writtenFromMs, seed, isOdd: false }).map(
      ([time, value]) => `generated{series="${index}"} ${value} ${time / 1000}\n`,
    ),
  );
  writeFileSync(file, `# TYPE generated gauge\n${lines.join('')}# EOF\n`);
  server = await startPrometheus({ openMetrics: [file], flags: ['--web.enable-remote-write-receiver'] });
  rmSync(file);
  removeTempFolder(folder);
  const options = { fromMs: writtenFromMs + minuteMs, untilMs: endMs, seed: seed + 1, isOdd: true };
  await writeRemotely(
    server.url,
    numbers.map((index) => ({ labels: labelsOf(index), samples: generateSamples(index, options) })),
  );
  http = new DatasourceHttp({ DATASOURCE_CONCURRENCY: 2, DATASOURCE_TIMEOUT_MS: 60_000, DATASOURCE_RETRY_MS: 0 });
});

afterAll(async () => {
  http?.close();
  await server?.stop();
});

const gridOf = ({ stepMs, endMs: end, rows }: { stepMs: number; endMs: number; rows: number }): Grid => ({
  stepMs,
  endMs: end,
  rows,
  boundary: 'closed',
});
const questionOf = (windows: readonly Windows[]): ChunkQuestion => ({
  matchers: [{ type: '=', name: '__name__', value: 'generated' }],
  windows,
});

type Columns = Map<string, readonly Float64Array[]>;

/** Result of a reader, by the label `series`. */
async function collect(read: (onSeries: (series: SeriesWindows) => void) => Promise<void>): Promise<Columns> {
  const found: Columns = new Map();
  await read(({ labels, values }) =>
    found.set(
      labels.series!,
      values.map((column) => column.slice()),
    ),
  );
  return found;
}

const readers: readonly (readonly [string, (question: ChunkQuestion, grid: Grid) => Promise<Columns>])[] = [
  [
    'RemoteRead',
    async (question, grid) => collect((onSeries) => new DatasourceClient(http).readChunks(datasource(), [question], grid, onSeries)),
  ],
  ['WebAssembly', async (question, grid) => collect(fromBody(question, grid, new WasmKernel([question], grid)))],
  ['twin', async (question, grid) => collect(fromBody(question, grid, new TwinKernel([question], grid)))],
];

const datasource = () => exampleDatasource({ name: 'p', url: server.url });

const fromBody =
  (question: ChunkQuestion, grid: Grid, kernel: WasmKernel | TwinKernel) => async (onSeries: (series: SeriesWindows) => void) => {
    const body = new Uint8Array(encodeReadRequest([question], grid));
    const headers = { 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf' };
    const response = await fetch(`${server.url}/api/v1/read`, { method: 'POST', body, headers });
    await readSeriesWindows(response.body as unknown as AsyncIterable<Uint8Array>, [question], grid, onSeries, undefined, kernel);
  };

/** Result of the server for one function, by the label `series`: one value per row, NaN if there is none. */
async function evaluate({ function: name, rangeMs }: Windows, { endMs: end, stepMs, rows }: Grid): Promise<Map<string, Float64Array>> {
  const query = name === 'instant' ? 'generated' : `${name}(generated[${rangeMs / 1000}s])`;
  const start = end - (rows - 1) * stepMs;
  const form = new URLSearchParams({ query, start: String(start / 1000), end: String(end / 1000), step: String(stepMs / 1000) });
  const response = await fetch(`${server.url}/api/v1/query_range`, { method: 'POST', body: form });
  const { data } = (await response.json()) as { data: { result: { metric: { series: string }; values: [number, string][] }[] } };
  return new Map(
    data.result.map(({ metric, values }) => {
      const column = new Float64Array(rows).fill(Number.NaN);
      for (const [seconds, text] of values) column[Math.round((seconds * 1000 - start) / stepMs)] = Number(text.replace('Inf', 'Infinity'));
      return [metric.series, column];
    }),
  );
}

/** Returns the cells that differ, as text; `tolerance` is relative. */
function differences(got: readonly number[] | Float64Array | undefined, wanted: Float64Array, tolerance: number): string[] {
  return [...wanted].flatMap((value, row) => {
    const ours = got?.[row] ?? Number.NaN;
    const isSame = Number.isNaN(value) ? Number.isNaN(ours) : ours === value || Math.abs(ours - value) <= tolerance * Math.abs(value);
    return isSame ? [] : [`row ${row}: ${ours} instead of ${value}`];
  });
}

describe.each(readers)('windows from chunks, by %s', (_, read) => {
  it.each(cases)('are equal to the results of Prometheus: %s', async (_name, { windows, ...rest }) => {
    const grid = gridOf(rest);
    const columns = await read(questionOf(windows), grid);
    let cells = 0;
    for (const [k, one] of windows.entries()) {
      const wanted = await evaluate(one, grid);
      for (const index of numbers.map(String)) {
        const column = wanted.get(index) ?? new Float64Array(grid.rows).fill(Number.NaN);
        cells += column.filter((value) => !Number.isNaN(value)).length;
        const found = differences(columns.get(index)?.[k], column, 1e-11);
        if (found.length > 0) throw new Error(`series ${index}, ${one.function}[${one.rangeMs / 1000}s]: ${found.slice(0, 5).join('; ')}`);
      }
    }
    expect(cells).toBeGreaterThan(10_000);
  });
});

it('the comparison finds a missing sample, a moved sample and a sample in the wrong window', () => {
  const wanted = Float64Array.of(1, Number.NaN, 3, 4);
  expect(differences([1, Number.NaN, 3, 4], wanted, 1e-11)).toEqual([]);
  expect(differences([1, Number.NaN, 3, 4 + 1e-9], wanted, 1e-11)).toHaveLength(1);
  expect(differences([1, 0, Number.NaN, 4], wanted, 1e-11)).toHaveLength(2);
  expect(differences(undefined, wanted, 1e-11)).toHaveLength(3);
});
