import protobuf from 'protobufjs/minimal.js';
import { MalformedAnswerError } from './frames.js';

type Reader = protobuf.Reader;

/** Prometheus' number of the encoding "XOR"; others (native histograms) are passed over. */
const xorEncoding = 1;

/** Numbers in memory that is used again for the next frame: to empty a list would let go of it. */
export class Numbers {
  length = 0;
  private numbers = new Uint32Array(1_024);

  push(number: number): void {
    if (this.length === this.numbers.length) this.grow();
    this.numbers[this.length++] = number;
  }

  /** The number at an index below `length`. */
  at(index: number): number {
    return this.numbers[index]!;
  }

  clear(): void {
    this.length = 0;
  }

  private grow(): void {
    const more = new Uint32Array(2 * this.length);
    more.set(this.numbers);
    this.numbers = more;
  }
}

/** Where a frame's series and chunks lie in its bytes. */
export class FrameContent {
  /** Index of the query that the frame answers. */
  query = 0;
  /** Three numbers a series: where its labels begin, where they end, how many numbers of `chunks` there are up to its last chunk. */
  readonly series = new Numbers();
  /** Two numbers a chunk: where its data begin and how long they are. */
  readonly chunks = new Numbers();
}

const lengthDelimited = 2;
const tag = (field: number, wireType: number) => (field << 3) | wireType;

/**
 * Reads a ChunkedReadResponse (prompb/remote.proto). Written by hand over the library's reader: an object for each of some hundred thousand chunks
 * would cost more than decoding them. Throws a MalformedAnswerError.
 */
export function readFrame(frame: Uint8Array, content: FrameContent): void {
  content.query = 0;
  content.series.clear();
  content.chunks.clear();
  try {
    const reader = protobuf.Reader.create(frame);
    while (reader.pos < frame.length) {
      const key = reader.uint32();
      if (key === tag(1, lengthDelimited)) readSeries(reader, endOfPart(reader, frame.length), content);
      else if (key === tag(2, 0)) content.query = reader.uint32();
      else skip(reader, key);
    }
    if (reader.pos > frame.length) throw new MalformedAnswerError('a frame ends within a field');
  } catch (cause) {
    if (cause instanceof MalformedAnswerError) throw cause;
    throw new MalformedAnswerError('a frame is no ChunkedReadResponse', { cause });
  }
}

/** ChunkedSeries: its labels come before its chunks. */
function readSeries(reader: Reader, end: number, { series, chunks }: FrameContent): void {
  const labelsStart = reader.pos;
  let labelsEnd = labelsStart;
  const chunksBefore = chunks.length;
  while (reader.pos < end) {
    const key = reader.uint32();
    if (key === tag(1, lengthDelimited)) {
      if (chunks.length > chunksBefore) throw new MalformedAnswerError('a series has labels after its chunks');
      reader.pos = labelsEnd = endOfPart(reader, end);
    } else if (key === tag(2, lengthDelimited)) readChunk(reader, endOfPart(reader, end), chunks);
    else skip(reader, key);
  }
  if (reader.pos !== end) throw new MalformedAnswerError('a field ends behind its series');
  series.push(labelsStart);
  series.push(labelsEnd);
  series.push(chunks.length);
}

/** Chunk: only type and data are of use; the times are in the data. */
function readChunk(reader: Reader, end: number, chunks: Numbers): void {
  let type = 0;
  let start = end;
  let dataEnd = end;
  while (reader.pos < end) {
    const key = reader.uint32();
    if (key === tag(3, 0)) type = reader.uint32();
    else if (key === tag(4, lengthDelimited)) {
      dataEnd = endOfPart(reader, end);
      start = reader.pos;
      reader.pos = dataEnd;
    } else skip(reader, key);
  }
  if (reader.pos !== end) throw new MalformedAnswerError('a field ends behind its chunk');
  if (type !== xorEncoding) return;
  chunks.push(start);
  chunks.push(dataEnd - start);
}

/** The labels between two places of a frame. */
export function readLabels(frame: Uint8Array, start: number, end: number): Record<string, string> {
  const pairs: [string, string][] = [];
  try {
    const reader = protobuf.Reader.create(frame);
    reader.pos = start;
    while (reader.pos < end) {
      const key = reader.uint32();
      if (key === tag(1, lengthDelimited)) pairs.push(readLabel(reader, endOfPart(reader, end)));
      else skip(reader, key);
    }
  } catch (cause) {
    throw new MalformedAnswerError('a series has labels that cannot be read', { cause });
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

/** Reads the length of a part and gives where it ends. */
function endOfPart(reader: Reader, outerEnd: number): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > outerEnd) throw new MalformedAnswerError('a part of a frame is longer than what it is in');
  return end;
}

function skip(reader: Reader, key: number): void {
  reader.skipType(key & 7);
}
