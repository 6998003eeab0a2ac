import protobuf from 'protobufjs/minimal.js';
import { MalformedAnswerError } from './frames.js';

type Reader = protobuf.Reader;

/** Prometheus' number of the XOR encoding. Chunks with other encodings (native histograms) are skipped. */
const xorEncoding = 1;

/** A growing list of numbers. Unlike an array it keeps its memory when its length is set to 0, for the next frame. */
export class Numbers {
  length = 0;
  private numbers = new Uint32Array(1_024);

  push(number: number): void {
    if (this.length === this.numbers.length) this.grow();
    this.numbers[this.length++] = number;
  }

  /** `index` must be below `length`. */
  at(index: number): number {
    return this.numbers[index]!;
  }

  private grow(): void {
    const larger = new Uint32Array(2 * this.length);
    larger.set(this.numbers);
    this.numbers = larger;
  }
}

/** Positions of a frame's series and chunks in its bytes. */
export class FrameContent {
  /** Index of the query to which the frame belongs. */
  query = 0;
  /** Three numbers per series: start and end of its labels, and the length of `chunks` after its last chunk. */
  readonly series = new Numbers();
  /** Two numbers per chunk: offset and length of its data. */
  readonly chunks = new Numbers();
}

const lengthDelimited = 2;
const tag = (field: number, wireType: number) => (field << 3) | wireType;

/**
 * Reads a ChunkedReadResponse (prompb/remote.proto) into `content`. Parsed by hand on top of the library's reader: creating an object for
 * each of some hundred thousand chunks would cost more than decoding them. Throws a MalformedAnswerError.
 */
export function readFrame(frame: Uint8Array, content: FrameContent): void {
  content.query = 0;
  content.series.length = 0;
  content.chunks.length = 0;
  try {
    const reader = protobuf.Reader.create(frame);
    while (reader.pos < frame.length) {
      const key = reader.uint32();
      if (key === tag(1, lengthDelimited)) readSeries(reader, endOfField(reader, frame.length), content);
      else if (key === tag(2, 0)) content.query = reader.uint32();
      else skip(reader, key);
    }
    if (reader.pos > frame.length) throw new MalformedAnswerError('invalid frame: it ends inside a field');
  } catch (cause) {
    if (cause instanceof MalformedAnswerError) throw cause;
    throw new MalformedAnswerError('invalid frame: it is not a ChunkedReadResponse', { cause });
  }
}

/** Reads a ChunkedSeries, whose labels precede its chunks. */
function readSeries(reader: Reader, end: number, { series, chunks }: FrameContent): void {
  const labelsStart = reader.pos;
  let labelsEnd = labelsStart;
  const chunksBefore = chunks.length;
  while (reader.pos < end) {
    const key = reader.uint32();
    if (key === tag(1, lengthDelimited)) {
      if (chunks.length > chunksBefore) throw new MalformedAnswerError('invalid frame: a series has labels after its chunks');
      reader.pos = labelsEnd = endOfField(reader, end);
    } else if (key === tag(2, lengthDelimited)) readChunk(reader, endOfField(reader, end), chunks);
    else skip(reader, key);
  }
  if (reader.pos !== end) throw new MalformedAnswerError('invalid frame: a field is longer than its series');
  series.push(labelsStart);
  series.push(labelsEnd);
  series.push(chunks.length);
}

/** Reads a Chunk. Only type and data are needed: the data contain the times. */
function readChunk(reader: Reader, end: number, chunks: Numbers): void {
  let type = 0;
  let start = end;
  let dataEnd = end;
  while (reader.pos < end) {
    const key = reader.uint32();
    if (key === tag(3, 0)) type = reader.uint32();
    else if (key === tag(4, lengthDelimited)) {
      dataEnd = endOfField(reader, end);
      start = reader.pos;
      reader.pos = dataEnd;
    } else skip(reader, key);
  }
  if (reader.pos !== end) throw new MalformedAnswerError('invalid frame: a field is longer than its chunk');
  if (type !== xorEncoding) return;
  chunks.push(start);
  chunks.push(dataEnd - start);
}

/** Reads the labels in `frame[start]` to before `frame[end]`. Throws a MalformedAnswerError. */
export function readLabels(frame: Uint8Array, start: number, end: number): Record<string, string> {
  const pairs: [string, string][] = [];
  try {
    const reader = protobuf.Reader.create(frame);
    reader.pos = start;
    while (reader.pos < end) {
      const key = reader.uint32();
      if (key === tag(1, lengthDelimited)) pairs.push(readLabel(reader, endOfField(reader, end)));
      else skip(reader, key);
    }
  } catch (cause) {
    throw new MalformedAnswerError('invalid frame: the labels of a series cannot be read', { cause });
  }
  return Object.fromEntries(pairs);
}

function readLabel(reader: Reader, end: number): [string, string] {
  let name = '';
  let value = '';
  while (reader.pos < end) {
    const key = reader.uint32();
    if (key === tag(1, lengthDelimited)) name = reader.string();
    else if (key === tag(2, lengthDelimited)) value = reader.string();
    else skip(reader, key);
  }
  return [name, value];
}

/** Reads the length of a length-delimited field and returns its end. */
function endOfField(reader: Reader, outerEnd: number): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > outerEnd) throw new MalformedAnswerError('invalid frame: a field is longer than its message');
  return end;
}

function skip(reader: Reader, key: number): void {
  reader.skipType(key & 7);
}
