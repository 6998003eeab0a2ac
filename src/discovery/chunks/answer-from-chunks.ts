import type { RemoteRead } from '../../chunks/remote-read.js';
import type { Grid } from '../../chunks/series-windows.js';
import type { Datasource } from '../../datasource/datasource.js';
import type { PrometheusSeries } from '../../datasource/prometheus-client.js';
import { startOf, type Windows } from '../plan-windows.js';
import type { DiscoveryShape } from './discovery-shape.js';
import { planChunkQuestions } from './plan-chunk-questions.js';
import { ShapeReading } from './shape-reading.js';

/**
 * What the datasource would answer to each of the queries, from one remote read of chunks; undefined for a query that has to be asked after all.
 * Holds the sums of each group, and of what others are joined to the rows of each series. Rejects with a DatasourceError.
 */
export async function answerFromChunks(
  remoteRead: Pick<RemoteRead, 'read'>,
  asked: { readonly datasource: Datasource; readonly windows: Windows; readonly boundary: Grid['boundary'] },
  shapes: readonly DiscoveryShape[],
  signal?: AbortSignal,
): Promise<(PrometheusSeries[] | undefined)[]> {
  const { endSeconds, lengthMs, count } = asked.windows;
  const grid = { endMs: Math.round(endSeconds * 1000), stepMs: lengthMs, rows: count, boundary: asked.boundary };
  const plan = planChunkQuestions(shapes);
  const begin = () => plan.shapes.map((planned) => new ShapeReading(planned, count));
  let readings = begin();
  const beginAgain = () => {
    readings = begin();
  };
  const give: Parameters<RemoteRead['read']>[3] = (series) => {
    for (const reading of readings) reading.add(series);
  };
  await remoteRead.read(asked.datasource, plan.questions, grid, give, signal, beginAgain);
  const startMs = Math.round(startOf(asked.windows) * 1000);
  return readings.map((reading) => reading.answer((row) => (startMs + row * lengthMs) / 1000));
}
