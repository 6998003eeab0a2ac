import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FrameReader, MalformedAnswerError } from './frames.js';
import { faultTexts, type Kernel, WasmKernel } from './kernel.js';
import { FrameContent, readFrame, readLabels } from './read-frame.js';
import type { ChunkQuestion, Grid, OnSeries } from './series-windows.js';

/** Maximum bytes of a frame. Prometheus sends frames of about 1 MB, or a single series if it is larger. */
const defaultMaxFrameBytes = 64 * 1024 * 1024;

/**
 * Reads the response of a remote read as it arrives and calls `onSeries` with the windows of each complete series. Holds one frame and one
 * series in memory. Rejects with a MalformedAnswerError, or with what the body or `onSeries` throws.
 */
export async function readSeriesWindows(
  body: AsyncIterable<Uint8Array>,
  questions: readonly ChunkQuestion[],
  grid: Grid,
  onSeries: OnSeries,
  maxFrameBytes = defaultMaxFrameBytes,
  kernel: Kernel = new WasmKernel(questions, grid),
): Promise<void> {
  const open = new OpenSeries(kernel, questions.length, onSeries);
  const frames = new FrameReader({
    roomFor: (bytes) => kernel.roomFor(bytes),
    onFrame: (frame) => open.take(frame),
    maxBytes: maxFrameBytes,
  });
  await pipeline(
    body,
    takingAll((bytes) => frames.take(bytes)),
  );
  frames.end();
  open.close();
  kernel.free();
}

/** A stream that passes everything to `take` immediately and never buffers. Fails with what `take` throws. */
function takingAll(take: (bytes: Uint8Array) => void): Writable {
  return new Writable({
    highWaterMark: Number.MAX_SAFE_INTEGER,
    write(bytes: Uint8Array, _, done) {
      try {
        take(bytes);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}

/** The series whose chunks are arriving. It may continue in the next frame, which then repeats its labels. */
class OpenSeries {
  private readonly content = new FrameContent();
  private question = -1;
  private labelBytes: Buffer = Buffer.alloc(0);
  private labels: Readonly<Record<string, string>> = {};

  constructor(
    private readonly kernel: Kernel,
    private readonly questions: number,
    private readonly onSeries: OnSeries,
  ) {}

  take(frame: Uint8Array): void {
    readFrame(frame, this.content);
    const { query, series, chunks } = this.content;
    if (query >= this.questions) throw new MalformedAnswerError(`a frame belongs to query ${query}, but the request has ${this.questions}`);
    let chunk = 0;
    for (let i = 0; i < series.length; i += 3) {
      this.continueWith(query, frame, series.at(i), series.at(i + 1));
      for (const end = series.at(i + 2); chunk < end; chunk += 2) {
        const fault = this.kernel.add(chunks.at(chunk), chunks.at(chunk + 1));
        if (fault) throw new MalformedAnswerError(`${faultTexts[fault]} (${JSON.stringify(this.labels)})`);
      }
    }
  }

  close(): void {
    if (this.question < 0) return;
    const { values, firstRow, endRow } = this.kernel.close();
    const { question, labels } = this;
    this.question = -1;
    this.onSeries({ question, labels, values, firstRow, endRow });
  }

  private continueWith(question: number, frame: Uint8Array, labelsStart: number, labelsEnd: number): void {
    const labelBytes = frame.subarray(labelsStart, labelsEnd);
    if (question === this.question && this.labelBytes.equals(labelBytes)) return;
    this.close();
    this.labelBytes = Buffer.from(labelBytes);
    this.labels = readLabels(frame, labelsStart, labelsEnd);
    this.question = question;
    this.kernel.open(question);
  }
}
