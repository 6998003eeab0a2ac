import { DatasourceError } from '../../../datasource/datasource-error.js';
import type { ChunkQuestion, Grid, SeriesWindows } from '../../../remote-read/series-windows.js';
import type { TableDraft } from '../../table-draft.js';
import type { UsageRequest } from '../../usage-reader.js';
import type { PlannedQuestion } from '../plan/plan-chunk-reads.js';
import type { OwnerSource } from '../plan/plan-owner-questions.js';
import { type OwnerReader, ownerReaders } from './owner-readers.js';
import { PodOwners } from './pod-owners.js';
import { QuestionAggregation } from './question-aggregation.js';
import type { Targets } from './targets.js';

/** What is read: a request's experiments as targets, and its tables' instants. */
export interface ShardReading {
  readonly request: UsageRequest;
  readonly intervals: Grid;
  readonly targets: Targets;
}

/** The questions of one remote read: first those for owners, then those for usage. */
export interface AskedChunks {
  readonly source: OwnerSource;
  readonly ownerQuestions: readonly ChunkQuestion[];
  readonly questions: readonly PlannedQuestion[];
  /** Owners that are known already. */
  readonly owners?: PodOwners;
}

/** Takes the series of one remote read in the order of its questions, and fills the tables question by question. */
export class ReadAggregation {
  readonly owners: PodOwners;
  private readonly readOwner: OwnerReader;
  private open: { readonly question: number; readonly aggregation: QuestionAggregation } | undefined;

  constructor(
    private readonly reading: ShardReading,
    private readonly asked: AskedChunks,
    private readonly grid: Grid,
    private readonly drafts: readonly TableDraft[],
  ) {
    this.owners = asked.owners ?? new PodOwners(asked.source === 'rule' ? 'first' : 'by-name');
    this.readOwner = ownerReaders[asked.source](this.owners);
  }

  add(series: SeriesWindows): void {
    const question = series.question - this.asked.ownerQuestions.length;
    if (question < (this.open?.question ?? question)) throw outOfOrder(this.reading.request);
    if (question < 0) this.readOwner(series, series.question);
    else this.aggregationOf(question).add(series);
  }

  /** Fills the tables with the last question. */
  finish(): void {
    this.open?.aggregation.fill(this.drafts);
    this.open = undefined;
  }

  private aggregationOf(question: number): QuestionAggregation {
    if (this.open?.question === question) return this.open.aggregation;
    this.finish();
    const { intervals, targets } = this.reading;
    const planned = this.asked.questions[question]!;
    const owners = targets.areJoined && planned.type === 'container' ? this.owners : undefined;
    const aggregation = new QuestionAggregation(planned, { read: this.grid, intervals }, targets, owners);
    this.open = { question, aggregation };
    return aggregation;
  }
}

/** Prometheus answers the queries of one request one after the other, and the join relies on it. */
function outOfOrder({ datasource: { name } }: UsageRequest): DatasourceError {
  return new DatasourceError(
    'malformed',
    `Datasource ${name} answered the queries of a remote read out of order. Set its usage_reader to promql.`,
  );
}
