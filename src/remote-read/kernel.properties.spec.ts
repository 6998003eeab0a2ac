import fc from 'fast-check';
import { encodeXorChunk, type Sample, staleMarker } from '../../test/chunks/encode-xor-chunk.js';
import { evaluateNaively } from '../../test/chunks/evaluate-naively.js';
import { TwinKernel } from '../../test/chunks/twin-kernel.js';
import { type FilledColumns, type Kernel, WasmKernel } from './kernel.js';
import { type ChunkQuestion, type Grid, type Windows, windowFunctions } from './series-windows.js';

/** Runs a kernel on a series' chunks; returns the columns or the fault. */
function run(kernel: Kernel, chunks: readonly Uint8Array[], question = 0): FilledColumns | number {
  kernel.open(question);
  for (const chunk of chunks) {
    kernel.roomFor(chunk.length).set(chunk);
    const fault = kernel.add(0, chunk.length);
    if (fault) return fault;
  }
  const { values, firstRow, endRow } = kernel.close();
  return { values: values.map((column) => column.slice()), firstRow, endRow };
}

const cut = <T>(list: readonly T[], sizes: readonly number[]): T[][] => {
  const parts: T[][] = [];
  for (let at = 0, i = 0; at < list.length; at += sizes[i++ % sizes.length]!) parts.push(list.slice(at, at + sizes[i % sizes.length]!));
  return parts;
};

const value = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: 0, max: 1e6, noNaN: true }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 3 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Sample[1]>(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -5.5, -0, 5e-324, staleMarker),
  },
);
/** Stretches of a series: constant or changing, at regular intervals or not. */
const stretch = fc.record({
  gapMs: fc.constantFrom(1000, 15_000, 60_000, 600_001, 3_600_000, 2 ** 33),
  intervalMs: fc.constantFrom(1000, 15_000, 30_000, 60_000, 300_000),
  jitterMs: fc.constantFrom(0, 0, 3, 900),
  values: fc.oneof(
    fc.array(value, { minLength: 1, maxLength: 40 }),
    fc.tuple(value, fc.integer({ min: 1, max: 200 })).map(([same, count]) => Array<Sample[1]>(count).fill(same)),
    fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 60 }).map((steps) => {
      let sum = 0;
      return steps.map((step) => (sum = step > 95 ? 0 : sum + step));
    }),
  ),
});
const startMs = 1_795_200_000_000;
const series = fc.array(stretch, { minLength: 1, maxLength: 5 }).map((stretches) => {
  const samples: Sample[] = [];
  let time = startMs;
  for (const { gapMs, intervalMs, jitterMs, values } of stretches) {
    time += gapMs;
    for (const one of values) {
      samples.push([time, one]);
      time += intervalMs + (jitterMs && (samples.length * 7919) % jitterMs);
    }
  }
  return samples;
});
const grid: fc.Arbitrary<Grid> = fc.record({
  endMs: fc.integer({ min: 0, max: 400 }).map((steps) => startMs + steps * 30_000),
  stepMs: fc.constantFrom(60_000, 120_000, 900_000),
  rows: fc.integer({ min: 1, max: 40 }),
  boundary: fc.constantFrom('closed' as const, 'left-open' as const),
  extrapolation: fc.constantFrom(undefined, 'zero-first' as const, 'threshold-first' as const),
});
const windows: fc.Arbitrary<Windows[]> = fc.array(
  fc.record({
    function: fc.constantFrom(...windowFunctions),
    rangeMs: fc.constantFrom(15_000, 60_000, 120_000, 300_000, 900_000, 1_000_000),
  }),
  { minLength: 1, maxLength: 8 },
);
const kernelsOf = (questions: readonly ChunkQuestion[], on: Grid): readonly (readonly [string, Kernel])[] => [
  ['twin', new TwinKernel(questions, on)],
  ['WebAssembly', new WasmKernel(questions, on)],
];

/** NaN means a missing value or a NaN. */
function expectClose(column: Float64Array, expected: readonly number[], what: string): void {
  expected.forEach((expectedValue, row) => {
    const got = column[row]!;
    if (
      Number.isNaN(expectedValue)
        ? Number.isNaN(got)
        : got === expectedValue || Math.abs(got - expectedValue) <= 1e-9 * Math.abs(expectedValue)
    )
      return;
    throw new Error(`${what}, row ${row}: ${got} instead of ${expectedValue}`);
  });
}

describe('the chunk kernels', () => {
  it('give the same values as a scan of all samples for every row', () => {
    fc.assert(
      fc.property(
        series,
        grid,
        windows,
        fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 4 }),
        (samples, on, requested, sizes) => {
          const chunks = cut(samples, sizes).map(encodeXorChunk);
          for (const [name, kernel] of kernelsOf([{ matchers: [], windows: requested }], on)) {
            const result = run(kernel, chunks) as FilledColumns;
            requested.forEach((one, k) => {
              const expected = evaluateNaively(samples, one, on);
              expectClose(result.values[k]!, expected, `${name} ${one.function}[${one.rangeMs}]`);
              expected.forEach((expectedValue, row) => {
                if (!Number.isNaN(expectedValue)) expect(row >= result.firstRow && row < result.endRow).toBe(true);
              });
            });
          }
        },
      ),
      { numRuns: 250 },
    );
  });

  it('merge overlapping chunks: the first one read wins', () => {
    fc.assert(
      fc.property(
        series,
        grid,
        windows,
        fc.array(fc.nat({ max: 3 }), { minLength: 5, maxLength: 60 }),
        (samples, on, requested, choice) => {
          // Each sample goes to one of two replicas or to both. Each replica cuts its samples into its own chunks.
          const replicas = [0, 1].map((replica) =>
            samples.filter((_, i) => choice[i % choice.length] === 3 || choice[i % choice.length]! % 2 === replica),
          );
          const chunks = replicas.flatMap((own, i) => cut(own, [7 + 4 * i]).map((part) => ({ from: part[0]![0], part })));
          chunks.sort((a, b) => a.from - b.from);
          for (const [name, kernel] of kernelsOf([{ matchers: [], windows: requested }], on)) {
            const result = run(
              kernel,
              chunks.map(({ part }) => encodeXorChunk(part)),
            ) as FilledColumns;
            requested.forEach((one, k) => {
              expectClose(result.values[k]!, evaluateNaively(samples, one, on), `${name} ${one.function}[${one.rangeMs}]`);
            });
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('agree on the values and faults of a chunk, whatever its bytes', () => {
    const broken = fc
      .tuple(series, fc.nat(), fc.uint8Array({ maxLength: 12 }), fc.nat({ max: 40 }))
      .map(([samples, at, bytes, cutBytes]) => {
        const chunk = encodeXorChunk(samples);
        chunk.set(bytes.subarray(0, chunk.length), at % Math.max(1, chunk.length - bytes.length));
        return chunk.subarray(0, Math.max(0, chunk.length - cutBytes));
      });
    const hostile = fc.oneof(
      broken,
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 60 }).map((tail) => Uint8Array.of(0xff, 0xff, 2, ...tail)),
    );
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 3 }), grid, windows, (chunks, on, requested) => {
        const [[, twin], [, wasm]] = kernelsOf([{ matchers: [], windows: requested }], on) as [
          readonly [string, Kernel],
          readonly [string, Kernel],
        ];
        const expected = run(twin, chunks);
        const got = run(wasm, chunks);
        if (typeof expected === 'number' || typeof got === 'number') expect(got).toEqual(expected);
        else for (const [k, column] of expected.values.entries()) expectClose(got.values[k]!, [...column], requested[k]!.function);
      }),
      { numRuns: 500 },
    );
  });
});
