import { type AnswerSeries, encodeFrame, encodeFrameData } from '../../test/chunks/encode-answer.js';
import { encodeXorChunk, type Sample } from '../../test/chunks/encode-xor-chunk.js';
import { TwinKernel } from '../../test/chunks/twin-kernel.js';
import { WasmKernel } from './kernel.js';
import { readSeriesWindows } from './read-series-windows.js';
import type { Grid } from './series-windows.js';

const grid: Grid = { endMs: 1_800_000, stepMs: 60_000, rows: 30, boundary: 'closed' };
const count = { function: 'count_over_time', rangeMs: 60_000 } as const;
const questions = [
  { matchers: [], windows: [count] },
  {
    matchers: [],
    windows: [
      { function: 'instant', rangeMs: 300_000 },
      { ...count, function: 'max_over_time' },
    ],
  },
] as const;

/** One sample per minute of [from, to), 30 seconds into it; its value is the minute. */
const minutes = (from: number, to: number): Sample[] =>
  Array.from({ length: to - from }, (_, i) => [(from + i) * 60_000 + 30_000, from + i]);
const chunk = (from: number, to: number) => ({ data: encodeXorChunk(minutes(from, to)) });
const series = (name: string, ...chunks: AnswerSeries['chunks']): AnswerSeries => ({ labels: { __name__: name }, chunks });
const frame = (query: number, ...found: AnswerSeries[]) => encodeFrame(encodeFrameData(query, found));

type Read = { question: number; name: string | undefined; firstRow: number; endRow: number; columns: number[][] };

describe.each(['WebAssembly', 'twin'])('readSeriesWindows with the kernel in %s', (name) => {
  async function read(frames: readonly Buffer[], on: Grid = grid): Promise<Read[]> {
    const found: Read[] = [];
    const kernel = name === 'twin' ? new TwinKernel(questions, on) : new WasmKernel(questions, on);
    const onSeries: Parameters<typeof readSeriesWindows>[3] = ({ question, labels, values, firstRow, endRow }) =>
      found.push({
        question,
        name: labels.__name__,
        firstRow,
        endRow,
        columns: values.map((column) => [...column.slice(firstRow, endRow)]),
      });
    await readSeriesWindows(frames as unknown as AsyncIterable<Uint8Array>, questions, on, onSeries, 100_000, kernel);
    return found;
  }

  it('returns each series once, even if it spans several frames', async () => {
    const frames = [
      frame(0, series('a', chunk(0, 2)), series('b', chunk(3, 5))),
      frame(0, series('b', chunk(5, 6), chunk(6, 8))),
      frame(0, series('b', chunk(9, 10)), series('c', chunk(1, 2))),
    ];
    expect(await read(frames)).toEqual([
      { question: 0, name: 'a', firstRow: 0, endRow: 2, columns: [[1, 1]] },
      { question: 0, name: 'b', firstRow: 3, endRow: 10, columns: [[1, 1, 1, 1, 1, Number.NaN, 1]] },
      { question: 0, name: 'c', firstRow: 1, endRow: 2, columns: [[1]] },
    ]);
  });

  it('keeps series with the same labels apart if they belong to different questions', async () => {
    const found = await read([frame(0, series('a', chunk(0, 2))), frame(1, series('a', chunk(24, 26)))]);
    expect(found).toEqual([
      { question: 0, name: 'a', firstRow: 0, endRow: 2, columns: [[1, 1]] },
      {
        question: 1,
        name: 'a',
        firstRow: 24,
        endRow: 30,
        columns: [
          [24, 25, 25, 25, 25, 25],
          [24, 25, ...Array(4).fill(Number.NaN)],
        ],
      },
    ]);
  });

  it('keeps the first of two samples with the same time', async () => {
    const overlapping = {
      data: encodeXorChunk([
        [210_000, 70],
        [215_000, 80],
        [270_000, 71],
      ]),
    };
    expect((await read([frame(1, series('a', chunk(3, 5), overlapping))]))[0]?.columns[1]?.slice(0, 2)).toEqual([80, 4]);
  });

  it('skips native histograms and returns empty windows for series without samples in the range', async () => {
    const histogram = { data: Buffer.from([0, 9, 1, 2, 3]), type: 2 };
    const empty = { firstRow: 0, endRow: 0, columns: [[]] };
    expect(await read([frame(0, series('h', histogram), series('late', chunk(40, 50)), series('none'))])).toEqual(
      ['h', 'late', 'none'].map((one) => ({ question: 0, name: one, ...empty })),
    );
  });

  it('returns no series for an empty response', async () => {
    expect(await read([])).toEqual([]);
  });

  it('still finds its columns after a frame that made the memory grow', async () => {
    const large = series('large', ...Array.from({ length: 29 }, (_, i) => chunk(i, i + 1)), { data: Buffer.alloc(90_000), type: 2 });
    const found = await read([frame(0, series('a', chunk(0, 1))), frame(0, large)]);
    expect(found.map(({ columns }) => columns[0]?.length)).toEqual([1, 29]);
  });

  it.each<[string, Buffer[], string]>([
    [
      'a chunk that ends early',
      [frame(0, series('a', { data: chunk(0, 9).data.subarray(0, 20) }))],
      'a chunk ends before its last sample ({"__name__":"a"})',
    ],
    [
      'a chunk without a count',
      [frame(0, series('a', { data: Buffer.from([1]) }))],
      'a chunk ends before its last sample ({"__name__":"a"})',
    ],
    [
      'chunks in the wrong order',
      [frame(0, series('a', chunk(5, 6), chunk(7, 8), chunk(1, 2)))],
      'samples are not in time order ({"__name__":"a"})',
    ],
    ['a frame of an unknown query', [frame(2, series('a', chunk(0, 2)))], 'a frame belongs to query 2, but the request has 2'],
    ['a frame of something else', [encodeFrame(Buffer.from('hello'))], 'invalid frame: it is not a ChunkedReadResponse'],
    ['a frame that is too long', [encodeFrame(Buffer.alloc(100_001))], 'frame 1 has 100001 bytes, more than the limit of 100000'],
  ])('rejects %s', async (_, frames, message) => {
    await expect(read(frames)).rejects.toMatchObject({ name: 'MalformedAnswerError', message });
  });

  it('limits the samples that it holds for overlapping chunks', async () => {
    // Two samples, then two zero bits for each other sample: the same value after the same interval.
    const long = (from: number) => {
      const data = Buffer.concat([
        encodeXorChunk([
          [from, 1],
          [from + 7, 1],
        ]),
        Buffer.alloc(15_000),
      ]);
      data.writeUInt16BE(60_000);
      return { data };
    };
    const frames = [frame(0, series('a', long(1))), frame(0, series('a', long(2))), frame(0, series('a', long(3)))];
    await expect(read(frames)).rejects.toThrow('overlapping chunks have too many samples');
  });
});

it('rejects with what onSeries throws', async () => {
  const body = [frame(0, series('a', chunk(0, 2)))] as unknown as AsyncIterable<Uint8Array>;
  const failing = readSeriesWindows(body, questions, grid, () => {
    throw new RangeError('enough');
  });
  await expect(failing).rejects.toThrow(new RangeError('enough'));
});
