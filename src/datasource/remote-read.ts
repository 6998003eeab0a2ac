import { MalformedAnswerError } from '../remote-read/frames.js';
import { encodeReadRequest } from '../remote-read/read-request.js';
import { readSeriesWindows } from '../remote-read/read-series-windows.js';
import type { ChunkQuestion, Grid, OnSeries } from '../remote-read/series-windows.js';
import type { Datasource } from './datasource.js';
import { DatasourceError, describeFailure } from './datasource-error.js';
import type { DatasourceHttp } from './datasource-http.js';

const path = '/api/v1/read';

/** See https://prometheus.io/docs/prometheus/latest/querying/remote_read_api. Without gzip, which gains nothing for small frames. */
const headers = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-read-version': '0.1.0',
  'accept-encoding': 'identity',
};

/** Reads raw chunks from a datasource by remote read. */
export class RemoteRead {
  constructor(private readonly http: Pick<DatasourceHttp, 'post'>) {}

  /**
   * Reads the windows of all series that match the questions, in the order of the questions, and calls `onSeries` once per series. Rejects with a
   * DatasourceError or with the error that `onSeries` throws. If a response breaks off, the request is repeated: `onAgain` is called, all earlier series
   * are void, and all series follow again. Without `onAgain`, the request is repeated only if no series has been passed on.
   */
  async read(
    datasource: Datasource,
    questions: readonly ChunkQuestion[],
    grid: Grid,
    onSeries: OnSeries,
    signal?: AbortSignal,
    onAgain?: () => void,
  ): Promise<void> {
    let hasSeries = false;
    const passOn: OnSeries = (series) => {
      hasSeries = true;
      onSeries(series);
    };
    const request = { path, headers, body: encodeReadRequest(questions, grid) };
    const readBody = async (body: AsyncIterable<Uint8Array>) => {
      if (hasSeries && !onAgain) throw brokenOff(datasource);
      if (hasSeries) onAgain?.();
      hasSeries = false;
      await readSeriesWindows(body, questions, grid, passOn).catch((error) => {
        throw error instanceof MalformedAnswerError ? malformed(datasource, error) : error;
      });
    };
    await this.http.post(datasource, request, readBody, signal);
  }
}

function malformed(datasource: Datasource, cause: MalformedAnswerError): DatasourceError {
  return new DatasourceError('malformed', describeFailure('malformed', datasource, path, cause.message), { cause });
}

function brokenOff(datasource: Datasource): DatasourceError {
  return new DatasourceError('malformed', describeFailure('malformed', datasource, path, 'the response broke off'));
}
