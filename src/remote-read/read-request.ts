import protobuf from 'protobufjs/minimal.js';
import { compress } from 'snappyjs';
import { escapeRegex, type Matcher } from '../promql/matcher.js';
import type { ChunkQuestion, Grid } from './series-windows.js';

type Writer = protobuf.Writer;

/** LabelMatcher.Type of prompb/types.proto. */
const matcherTypes: Readonly<Record<Matcher['type'], number>> = { '=': 0, '!=': 1, '=~': 2, '!~': 3 };
/** ReadRequest.ResponseType of prompb/remote.proto. */
const streamedXorChunks = 1;

const lengthDelimited = (field: number) => (field << 3) | 2;
const varint = (field: number) => field << 3;

/**
 * Replaces an equality with a regular expression. Prometheus drops an equality that matches its external labels, including any `a=""` if it
 * has no external label `a` (storage/remote/read_handler.go, filterExtLabelsFromMatchers). A regular expression always applies to the
 * stored labels.
 */
function asStored(matcher: Matcher): Matcher {
  if (matcher.type !== '=' || matcher.name === '__name__') return matcher;
  return { type: '=~', name: matcher.name, value: escapeRegex(matcher.value) };
}

/** The body of a remote read: a ReadRequest in snappy with one query per question, which starts where its longest window starts. */
export function encodeReadRequest(questions: readonly ChunkQuestion[], grid: Grid): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const question of questions) writeQuery(writer.uint32(lengthDelimited(1)).fork(), question, grid).ldelim();
  writer.uint32(lengthDelimited(2)).fork().int32(streamedXorChunks).ldelim();
  return compress(writer.finish());
}

function writeQuery(writer: Writer, { matchers, windows }: ChunkQuestion, { endMs, stepMs, rows }: Grid): Writer {
  const reachMs = Math.max(0, ...windows.map(({ rangeMs }) => rangeMs));
  writer.uint32(varint(1)).int64(endMs - (rows - 1) * stepMs - reachMs);
  writer.uint32(varint(2)).int64(endMs);
  for (const matcher of matchers) {
    const { type, name, value } = asStored(matcher);
    writer.uint32(lengthDelimited(3)).fork();
    writer.uint32(varint(1)).int32(matcherTypes[type]);
    writer.uint32(lengthDelimited(2)).string(name);
    writer.uint32(lengthDelimited(3)).string(value).ldelim();
  }
  return writer;
}
