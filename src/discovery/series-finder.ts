import { breaksPromise, type Capabilities, tellsNoRemoteRead } from '../datasource/capabilities.js';
import type { Datasource } from '../datasource/datasource.js';
import type { DatasourceClient, PrometheusSeries } from '../datasource/datasource-client.js';
import { DatasourceError } from '../datasource/datasource-error.js';
import { logOf } from '../settings/logger.js';
import { type DiscoveryShape, readDiscoveryShape } from './discovery-shape.js';
import { answerFromChunks } from './from-chunks.js';
import { type Instants, startOf } from './plan-discovery.js';

/** Queries the series of any of which are wanted. */
export type Question = readonly string[];

/** Whom to ask, and where texts of partial answers go. */
export interface Asking {
  readonly datasource: Datasource;
  readonly capabilities: Capabilities;
  /** Called if the datasource does not deliver the chunks that it is said to have. */
  readonly onBrokenChunks?: ((reason: string) => void) | undefined;
  readonly warnings: Set<string>;
  readonly signal: AbortSignal;
}

type FromChunks = ReadonlyMap<Question, PrometheusSeries[]>;

/** Windows that reach no further back cost both sides together less as PromQL, which sends nothing but names (docs/decisions/0011-discovery-from-chunks.md). */
const longestPromqlMs = 43_200_000;

const log = logOf('discovery');

/** Finds the series of questions over windows: from chunks, and by PromQL what those cannot tell. */
export class SeriesFinder {
  constructor(private readonly client: DatasourceClient) {}

  /** The series of each question. Rejects with a DatasourceError. */
  async find(asking: Asking, questions: readonly Question[], windows: Instants): Promise<(readonly PrometheusSeries[])[]> {
    const shapes = new Map(questions.flatMap((question) => pairWithShapes(question)));
    const fromChunks = shapes.size > 0 ? this.readChunks(asking, shapes, windows) : undefined;
    return Promise.all(
      questions.map(async (question) => {
        const series = shapes.has(question) ? (await fromChunks)?.get(question) : undefined;
        return series ?? this.askPromql(asking, question, windows);
      }),
    );
  }

  /** Empty where the datasource gives no chunks. */
  private async readChunks(asking: Asking, shapes: ReadonlyMap<Question, DiscoveryShape[]>, windows: Instants): Promise<FromChunks> {
    const { datasource, capabilities, signal } = asking;
    if (windows.count * windows.lengthMs <= longestPromqlMs || capabilities.used === 'promql') return new Map();
    try {
      const asked = { datasource, windows, boundary: capabilities.boundary };
      const answers = await answerFromChunks(this.client, asked, [...shapes.values()].flat(), signal);
      return byQuestion(shapes, answers);
    } catch (error) {
      if (!(error instanceof DatasourceError) || !tellsNoRemoteRead(error.failure)) throw error;
      const reason = `chunks were refused or broken: ${error.message}`;
      log.warn({ datasource: datasource.name, reason }, 'discovery asks by PromQL instead');
      if (breaksPromise(error.failure) && datasource.usageReader !== 'chunks') asking.onBrokenChunks?.(reason);
      return new Map();
    }
  }

  private async askPromql(
    { datasource, warnings, signal }: Asking,
    question: Question,
    windows: Instants,
  ): Promise<readonly PrometheusSeries[]> {
    const query = question.length === 1 ? question[0]! : question.map((each) => `(${each})`).join(' or ');
    const { endSeconds, lengthMs, count } = windows;
    const range = { query, startSeconds: startOf(windows), endSeconds, stepSeconds: lengthMs / 1000 };
    const answer =
      count === 1
        ? await this.client.query(datasource, { query, timeSeconds: endSeconds }, signal)
        : await this.client.queryRange(datasource, range, signal);
    for (const warning of answer.warnings) warnings.add(warning);
    return answer.series;
  }
}

/** The question with the shapes of its queries; nothing where one of them has none. */
function pairWithShapes(question: Question): [Question, DiscoveryShape[]][] {
  const shapes = question.flatMap((query) => readDiscoveryShape(query) ?? []);
  return shapes.length === question.length ? [[question, shapes]] : [];
}

/** Questions all of whose queries were answered, with their series. */
function byQuestion(shapes: ReadonlyMap<Question, DiscoveryShape[]>, answers: readonly (PrometheusSeries[] | undefined)[]): FromChunks {
  const found = new Map<Question, PrometheusSeries[]>();
  let next = 0;
  for (const [question, { length }] of shapes) {
    const own = answers.slice(next, next + length).filter((answer) => answer !== undefined);
    if (own.length === length) found.set(question, own.flat());
    next += length;
  }
  return found;
}
