import protobuf from 'protobufjs/minimal.js';
import { compress } from 'snappyjs';
import { type Sample, staleMarker } from './encode-xor-chunk.js';

/** Labels sorted by name, and samples in time order. */
export interface WrittenSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly Sample[];
}

const lengthDelimited = (field: number) => (field << 3) | 2;
const double = (field: number) => (field << 3) | 1;
/** Prometheus' head rejects samples that are more than an hour older than its newest sample. */
const sliceMs = 30 * 60_000;

/** Writes series by remote write: the only way to store stale markers in a Prometheus without scrape targets. */
export async function writeRemotely(url: string, series: readonly WrittenSeries[]): Promise<void> {
  const times = series.flatMap(({ samples }) => samples.map(([time]) => time));
  const first = Math.min(...times);
  const last = Math.max(...times);
  for (let from = first; from <= last; from += sliceMs) {
    const slice = series.map(({ labels, samples }) => ({
      labels,
      samples: samples.filter(([time]) => time >= from && time < from + sliceMs),
    }));
    await post(
      url,
      slice.filter(({ samples }) => samples.length > 0),
    );
  }
}

async function post(url: string, series: readonly WrittenSeries[]): Promise<void> {
  if (series.length === 0) return;
  const response = await fetch(`${url}/api/v1/write`, {
    method: 'POST',
    body: new Uint8Array(compress(encodeWriteRequest(series))),
    headers: {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
    },
  });
  if (!response.ok) throw new Error(`remote write: ${response.status} ${await response.text()}`);
}

/** Encodes a WriteRequest (Prometheus: prompb/remote.proto). */
function encodeWriteRequest(series: readonly WrittenSeries[]): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const { labels, samples } of series) {
    writer.uint32(lengthDelimited(1)).fork();
    for (const [name, value] of Object.entries(labels)) {
      writer.uint32(lengthDelimited(1)).fork().uint32(lengthDelimited(1)).string(name).uint32(lengthDelimited(2)).string(value).ldelim();
    }
    for (const [time, value] of samples) {
      writer.uint32(lengthDelimited(2)).fork().uint32(double(1));
      if (value === staleMarker) writer.fixed64(staleNaN);
      else writer.double(value);
      writer
        .uint32(2 << 3)
        .int64(time)
        .ldelim();
    }
    writer.ldelim();
  }
  return writer.finish();
}

/** Bits of model/value.StaleNaN as a decimal string, because JavaScript may not preserve the bits of a NaN. */
const staleNaN = '9218868437227405314';
