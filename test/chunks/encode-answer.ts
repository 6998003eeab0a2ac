import protobuf from 'protobufjs/minimal.js';
import { crc32c } from '../../src/remote-read/frames.js';

export interface AnswerSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly chunks: readonly { readonly data: Uint8Array; readonly type?: number }[];
}

const lengthDelimited = (field: number) => (field << 3) | 2;

/** Encodes the data of a frame: a ChunkedReadResponse (Prometheus: prompb/remote.proto). */
export function encodeFrameData(query: number, series: readonly AnswerSeries[]): Buffer {
  const writer = protobuf.Writer.create();
  for (const { labels, chunks } of series) {
    writer.uint32(lengthDelimited(1)).fork();
    for (const [name, value] of Object.entries(labels)) {
      writer.uint32(lengthDelimited(1)).fork().uint32(lengthDelimited(1)).string(name).uint32(lengthDelimited(2)).string(value).ldelim();
    }
    for (const { data, type = 1 } of chunks) {
      // The chunk's time range, which the reader ignores: the data include the times.
      writer
        .uint32(lengthDelimited(2))
        .fork()
        .uint32(1 << 3)
        .int64(1)
        .uint32(2 << 3)
        .int64(-1);
      writer
        .uint32(3 << 3)
        .int32(type)
        .uint32(lengthDelimited(4))
        .bytes(data)
        .ldelim();
    }
    writer.ldelim();
  }
  if (query > 0) writer.uint32(2 << 3).int64(query);
  return Buffer.from(writer.finish());
}

/** Encodes a frame: length, checksum, data. */
export function encodeFrame(data: Uint8Array, checksum = crc32c(data)): Buffer {
  const length = protobuf.Writer.create().uint32(data.length).finish();
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(checksum);
  return Buffer.concat([length, sum, data]);
}
