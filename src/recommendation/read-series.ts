import { type JsonValue, listOf, member, objectOf } from './json-value.js';
import { RecommendationInputError } from './recommendation-input-error.js';
import { isSample } from './samples.js';

/** One series of a usage file: its labels, and its samples by row of the usage table. */
export interface Series {
  readonly labels: Readonly<Record<string, unknown>>;
  readonly points: readonly { readonly row: number; readonly value: number }[];
}

/**
 * Reads a series: a list of points `[steps before the end, "value"]`, or `{metric: labels, points}`; absent = no points. The row of the end is
 * `length - 1`; points of rows that the table does not have are there too, those that are no numbers (E15) are dropped. Throws a RecommendationInputError.
 */
export function readSeries(json: JsonValue, length: number): Series {
  if (json.value === undefined) return { labels: {}, points: [] };
  const isList = Array.isArray(json.value);
  const object = isList ? {} : objectOf(json, ['metric', 'points']);
  const labels = member(object, json.field, 'metric');
  const points = listOf(isList ? json : member(object, json.field, 'points')).map((point) => pointOf(point, length));
  return { labels: labels.value === undefined ? {} : objectOf(labels), points: points.filter(({ value }) => isSample(value)) };
}

/** The series with only the points of rows that a table of this length has. */
export function withinTable({ labels, points }: Series, length: number): Series {
  return { labels, points: points.filter(({ row }) => row >= 0 && row < length) };
}

/** The samples by row, NaN where there is none; of several at one row the last holds. */
export function columnOf({ points }: Series, length: number): Float64Array {
  const column = new Float64Array(length).fill(Number.NaN);
  for (const { row, value } of points) column[row] = value;
  return column;
}

function pointOf({ field, value: point }: JsonValue, length: number): { row: number; value: number } {
  const [steps, value] = Array.isArray(point) && point.length === 2 ? (point as unknown[]) : [];
  if (!Number.isInteger(steps)) throw new RecommendationInputError(field, 'expected [whole number of steps before the end, "value"]');
  return { row: length - 1 - (steps as number), value: sampleOf({ field: `${field}.1`, value }) };
}

/** A sample as Prometheus writes it; NaN for infinite ones too. */
function sampleOf({ field, value }: JsonValue): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && /^([+-]?Inf|NaN)$/i.test(value)) return Number.NaN;
  const number = typeof value === 'string' && /^[+-]?(\d|\.\d)/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(number)) throw new RecommendationInputError(field, `expected a number as text, got ${JSON.stringify(value)}`);
  return number;
}
