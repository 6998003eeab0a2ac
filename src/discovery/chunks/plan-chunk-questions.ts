import type { ChunkQuestion, Windows } from '../../chunks/series-windows.js';
import type { DiscoveryShape, SeriesVector } from './discovery-shape.js';

/** Where the series of a vector are in the answer: the question, and its columns of the vector's values and of the samples' count. */
export interface VectorPlace {
  readonly question: number;
  readonly values: number;
  readonly counts: number;
}

export interface PlannedShape {
  readonly shape: DiscoveryShape;
  readonly vector: VectorPlace;
  /** Of joined shapes; its question comes before the vector's. */
  readonly side?: VectorPlace;
}

export interface ChunkPlan {
  readonly questions: readonly ChunkQuestion[];
  readonly shapes: readonly PlannedShape[];
}

interface Draft extends ChunkQuestion {
  readonly windows: Windows[];
}

/**
 * One remote read for all shapes. Equal selectors are asked once. The answer comes in the order of the questions, so what others are joined to is asked
 * first; only a selector that is needed on both sides is asked twice.
 */
export function planChunkQuestions(shapes: readonly DiscoveryShape[]): ChunkPlan {
  const questions: Draft[] = [];
  const first = shapes.map(({ vector, join }) => askFor(join?.side.vector ?? vector, questions, 0));
  const joinedFrom = questions.length;
  const planned = shapes.map((shape, i) => {
    const place = first[i]!;
    return shape.join ? { shape, vector: askFor(shape.vector, questions, joinedFrom), side: place } : { shape, vector: place };
  });
  return { questions, shapes: planned };
}

/** Adds the vector to the question from `from` on that has its selector, or to a new one. */
function askFor({ matchers, windows }: SeriesVector, questions: Draft[], from: number): VectorPlace {
  let question = questions.findIndex((other, i) => i >= from && JSON.stringify(other.matchers) === JSON.stringify(matchers));
  if (question < 0) question = questions.push({ matchers, windows: [] }) - 1;
  const columns = questions[question]!.windows;
  return {
    question,
    values: columnOf(windows, columns),
    counts: columnOf({ function: 'count_over_time', rangeMs: windows.rangeMs }, columns),
  };
}

function columnOf(wanted: Windows, columns: Windows[]): number {
  const found = columns.findIndex((other) => other.function === wanted.function && other.rangeMs === wanted.rangeMs);
  return found >= 0 ? found : columns.push(wanted) - 1;
}
