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

/** Samples of the minutes [from, to), at half past; the value is the minute. */
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
    await readSeriesWindows(frames as unknown as AsyncIterable<Uint8Array>, questions, on, onSeries, { mostFrameBytes: 100_000 }, kernel);
    return found;
  }

  it('gives each series once, though it goes over several frames', async () => {
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

  it('keeps series of the same labels apart where they answer different questions', async () => {
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

  it('keeps of two samples at one time the one that came first', async () => {
    const again = {
      data: encodeXorChunk([
        [210_000, 70],
        [215_000, 80],
        [270_000, 71],
      ]),
    };
    expect((await read([frame(1, series('a', chunk(3, 5), again))]))[0]?.columns[1]?.slice(0, 2)).toEqual([80, 4]);
  });

  it('passes over native histograms and series without any sample in the range', async () => {
    const histogram = { data: Buffer.from([0, 9, 1, 2, 3]), type: 2 };
    const empty = { firstRow: 0, endRow: 0, columns: [[]] };
    expect(await read([frame(0, series('h', histogram), series('late', chunk(40, 50)), series('none'))])).toEqual(
      ['h', 'late', 'none'].map((one) => ({ question: 0, name: one, ...empty })),
    );
  });

  it('answers an answer without series with nothing', async () => {
    expect(await read([])).toEqual([]);
  });

  it('finds its columns again after a frame that made the memory grow', async () => {
    const large = series('large', ...Array.from({ length: 29 }, (_, i) => chunk(i, i + 1)), { data: Buffer.alloc(90_000), type: 2 });
    const found = await read([frame(0, series('a', chunk(0, 1))), frame(0, large)]);
    expect(found.map(({ columns }) => columns[0]?.length)).toEqual([1, 29]);
  });

  it.each<[string, Buffer[], string]>([
    [
      'a chunk that ends early',
      [frame(0, series('a', { data: chunk(0, 9).data.subarray(0, 20) }))],
      'a chunk ends before its samples do ({"__name__":"a"})',
    ],
    [
      'a chunk without a count',
      [frame(0, series('a', { data: Buffer.from([1]) }))],
      'a chunk ends before its samples do ({"__name__":"a"})',
    ],
    [
      'chunks in the wrong order',
      [frame(0, series('a', chunk(5, 6), chunk(7, 8), chunk(1, 2)))],
      'samples go back in time ({"__name__":"a"})',
    ],
    ['an answer to a question that was not asked', [frame(2, series('a', chunk(0, 2)))], 'a frame answers query 2 of 2'],
    ['a frame of something else', [encodeFrame(Buffer.from('hello'))], 'a frame is no ChunkedReadResponse'],
    ['a frame that is too long', [encodeFrame(Buffer.alloc(100_001))], 'frame 1 would have 100001 bytes, over the limit of 100000'],
  ])('tells %s', async (_, frames, message) => {
    await expect(read(frames)).rejects.toMatchObject({ name: 'MalformedAnswerError', message });
  });

  it('holds back no more than so many samples of chunks that overlap', async () => {
    // Two samples, then two zero bits for each of the others: the same value at the same distance.
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
    await expect(read(frames)).rejects.toThrow('too many samples of chunks that overlap');
  });
});

it('passes on what the caller throws', async () => {
  const body = [frame(0, series('a', chunk(0, 2)))] as unknown as AsyncIterable<Uint8Array>;
  const failing = readSeriesWindows(body, questions, grid, () => {
    throw new RangeError('enough');
  });
  await expect(failing).rejects.toThrow(new RangeError('enough'));
});
