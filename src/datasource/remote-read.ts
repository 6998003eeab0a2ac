import { MalformedAnswerError } from '../remote-read/frames.js';
import { encodeReadRequest } from '../remote-read/read-request.js';
import { readSeriesWindows } from '../remote-read/read-series-windows.js';
import type { ChunkQuestion, Grid, OnSeries } from '../remote-read/series-windows.js';
import type { Datasource } from './datasource.js';
import { DatasourceError, describeFailure } from './datasource-error.js';
import type { DatasourceHttp } from './datasource-http.js';

const path = '/api/v1/read';

/** https://prometheus.io/docs/prometheus/latest/querying/remote_read_api; a stream of small answers gains nothing from gzip. */
const headers = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-read-version': '0.1.0',
  'accept-encoding': 'identity',
};

/** Asks a datasource for raw chunks over remote read. */
export class RemoteRead {
  constructor(private readonly http: Pick<DatasourceHttp, 'post'>) {}

  /**
   * The windows of all series that the questions match, one call a series, the questions in their order. Rejects with a DatasourceError, or with what
   * `onSeries` throws. Where an answer breaks off it is asked for again: then `onAgain` is called, everything given before is void, and all series
   * come again. Without it a broken answer is asked for again only as long as none of its series was given.
   */
  async read(
    datasource: Datasource,
    questions: readonly ChunkQuestion[],
    grid: Grid,
    onSeries: OnSeries,
    signal?: AbortSignal,
    onAgain?: () => void,
  ): Promise<void> {
    let isGiven = false;
    const give: OnSeries = (series) => {
      isGiven = true;
      onSeries(series);
    };
    const request = { path, headers, body: encodeReadRequest(questions, grid) };
    const readBody = async (body: AsyncIterable<Uint8Array>) => {
      if (isGiven && !onAgain) throw brokenOff(datasource);
      if (isGiven) onAgain?.();
      isGiven = false;
      await readSeriesWindows(body, questions, grid, give).catch((error) => {
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
  return new DatasourceError('malformed', describeFailure('malformed', datasource, path, 'the answer broke off'));
}
