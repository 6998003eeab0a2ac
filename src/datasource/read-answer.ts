import type { PrometheusAnswer, PrometheusSeries } from './prometheus-client.js';

/** The text is no answer of Prometheus' HTTP API. */
export class NotAnAnswerError extends Error {}

/**
 * Reads an answer of /api/v1/query or /api/v1/query_range (prometheus.io/docs/prometheus/latest/querying/api): vectors, matrices and scalars.
 * Throws a NotAnAnswerError. Checked by hand: a schema library takes longer for a million samples than JSON.parse itself.
 */
export function readAnswer(text: string): PrometheusAnswer {
  const { status, data, warnings } = record(parseJson(text), 'the answer');
  if (status !== 'success') throw new NotAnAnswerError(`its status is ${JSON.stringify(status)}, not "success"`);
  const { resultType, result } = record(data, 'data');
  if (resultType === 'scalar') return { series: [{ labels: {}, samples: [sample(result)] }], warnings: texts(warnings) };
  if (resultType !== 'vector' && resultType !== 'matrix') throw new NotAnAnswerError('its data is neither vector nor matrix nor scalar');
  if (!Array.isArray(result)) throw new NotAnAnswerError('data.result is not a list');
  return { series: result.map(readSeries), warnings: texts(warnings) };
}

/** A series that has histograms only (native histograms) has no samples. */
function readSeries(value: unknown): PrometheusSeries {
  const { metric, value: single, values } = record(value, 'a series');
  const labels = record(metric, 'metric') as Record<string, string>;
  for (const name in labels) if (typeof labels[name] !== 'string') throw new NotAnAnswerError('a label is not text');
  if (values !== undefined && !Array.isArray(values)) throw new NotAnAnswerError('values is not a list');
  return { labels, samples: single === undefined ? (values ?? []).map(sample) : [sample(single)] };
}

function sample(pair: unknown): readonly [number, string] {
  const [time, value] = Array.isArray(pair) ? pair : [];
  if (typeof time !== 'number' || typeof value !== 'string') throw new NotAnAnswerError('a sample is not a pair of time and text');
  return pair as [number, string];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new NotAnAnswerError('it is not JSON');
  }
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new NotAnAnswerError(`${name} is not an object`);
  return value as Record<string, unknown>;
}

function texts(warnings: unknown): string[] {
  return Array.isArray(warnings) ? warnings.filter((warning) => typeof warning === 'string') : [];
}
