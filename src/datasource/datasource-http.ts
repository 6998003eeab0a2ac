import type { Socket } from 'node:net';
import { addAbortSignal, type Readable } from 'node:stream';
import axios, { type AxiosResponse } from 'axios';
import pLimit, { type LimitFunction } from 'p-limit';
import { stopAfter, untilAborted } from '../calls/abort.js';
import { readRetryAfterMs, retryFor } from '../calls/retry.js';
import { storable } from '../database/database-error.js';
import type { Settings } from '../settings/settings-schema.js';
import { Agents, authorize, BearerTokens } from './credentials.js';
import type { Datasource } from './datasource.js';
import { DatasourceError, failed, failureOfCode, failureOfStatus } from './datasource-error.js';

/** A request: path below the datasource's url, body, and headers of the body. A `get` has an empty body. */
export interface DatasourceRequest {
  readonly method?: 'get' | 'post';
  readonly path: string;
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads the decompressed body of a successful response. Runs again from the start if the response breaks off. */
export type BodyReader<T> = (body: Readable) => Promise<T>;

/** Maximum bytes to read of an error response's body. */
const maxErrorBytes = 10_000;

/** Bytes that must arrive before a running response counts as progress. */
const progressBytes = 16_384;

/** Sends requests to datasources, with credentials, TLS, a concurrency limit per datasource, a timeout for the complete response, and retries. */
export class DatasourceHttp {
  private readonly agents = new Agents();
  private readonly tokens: BearerTokens;
  private readonly limits = new Map<string, LimitFunction>();
  private readonly lastResponseMs = new Map<string, number>();
  /** Responses that are being read, with the bytes received at the last check. */
  private readonly reading = new Set<{ readonly name: string; readonly socket: Socket; bytes: number }>();

  constructor(private readonly settings: Pick<Settings, 'DATASOURCE_CONCURRENCY' | 'DATASOURCE_TIMEOUT_MS' | 'DATASOURCE_RETRY_MS'>) {
    this.tokens = new BearerTokens(this.agents, settings.DATASOURCE_TIMEOUT_MS);
  }

  /** Rejects with a DatasourceError. Waits for the limit and between retries do not count towards the timeout; the signal ends them. */
  async post<T>(datasource: Datasource, request: DatasourceRequest, read: BodyReader<T>, signal?: AbortSignal): Promise<T> {
    const limit = this.limitOf(datasource);
    const attempt = () =>
      untilAborted(
        limit(() => this.attemptWithFreshToken(datasource, request, read, signal)),
        signal,
      );
    try {
      return await retryFor(attempt, { budgetMs: this.settings.DATASOURCE_RETRY_MS, pauseMsOf }, signal);
    } catch (error) {
      if (signal?.aborted) throw failed('cancelled', datasource, request.path);
      throw error;
    }
  }

  /**
   * Time when a datasource last sent a response head or at least 16 kB more of a body, error responses included, in ms of performance.now();
   * undefined if never. Updated on each call. A datasource that only trickles bytes counts as silent.
   */
  lastAnswerAt(datasource: string): number | undefined {
    for (const each of this.reading) {
      if (each.name !== datasource || each.socket.bytesRead < each.bytes + progressBytes) continue;
      this.lastResponseMs.set(datasource, performance.now());
      each.bytes = each.socket.bytesRead;
    }
    return this.lastResponseMs.get(datasource);
  }

  close(): void {
    this.agents.destroy();
  }

  private limitOf({ name }: Datasource): LimitFunction {
    const limit = this.limits.get(name) ?? pLimit(this.settings.DATASOURCE_CONCURRENCY);
    this.limits.set(name, limit);
    return limit;
  }

  /** A cached OAuth 2 token may have been revoked, so a rejected request is repeated once with a new token. */
  private async attemptWithFreshToken<T>(...args: Parameters<typeof this.attempt<T>>): Promise<T> {
    try {
      return await this.attempt(...args);
    } catch (error) {
      const isRefused = error instanceof DatasourceError && error.failure === 'refused-credentials';
      if (!isRefused || !this.tokens.forget(args[0])) throw error;
      return this.attempt(...args);
    }
  }

  private async attempt<T>(datasource: Datasource, request: DatasourceRequest, read: BodyReader<T>, caller?: AbortSignal): Promise<T> {
    const stop = stopAfter(this.settings.DATASOURCE_TIMEOUT_MS, caller);
    let response: AxiosResponse<Readable> | undefined;
    try {
      response = await this.send(datasource, request, stop.signal);
      this.lastResponseMs.set(datasource.name, performance.now());
      addAbortSignal(stop.signal, response.data);
      if (response.status >= 200 && response.status <= 299) {
        const { socket } = response.request as { socket: Socket };
        const reading = { name: datasource.name, socket, bytes: socket.bytesRead };
        this.reading.add(reading);
        const body = await read(response.data).finally(() => this.reading.delete(reading));
        this.lastResponseMs.set(datasource.name, performance.now());
        return body;
      }
      throw await errorOf(datasource, request.path, response);
    } catch (error) {
      if (caller?.aborted) throw failed('cancelled', datasource, request.path);
      if (stop.isTimeUp()) throw failed('timeout', datasource, request.path, `within ${this.settings.DATASOURCE_TIMEOUT_MS} ms`);
      throw connectionFailure(datasource, request.path, error);
    } finally {
      stop.release();
      response?.data.destroy();
    }
  }

  private async send(
    datasource: Datasource,
    { method = 'post', path, body, headers }: DatasourceRequest,
    signal: AbortSignal,
  ): Promise<AxiosResponse<Readable>> {
    return axios.request<Readable>({
      method,
      url: `${datasource.url}${path}`,
      data: typeof body === 'string' ? body || undefined : Buffer.from(body.buffer, body.byteOffset, body.byteLength),
      headers: { 'accept-encoding': 'gzip', 'user-agent': 'rightsizer', ...headers, ...(await authorize(datasource, this.tokens)) },
      ...(await this.agents.of(datasource)),
      responseType: 'stream',
      maxBodyLength: Number.POSITIVE_INFINITY,
      maxRedirects: 0,
      proxy: false,
      validateStatus: null,
      signal,
    });
  }
}

/** Pause before a retry: that of Retry-After for transient failures; undefined for others, which are not retried. */
function pauseMsOf(error: unknown): number | undefined {
  return error instanceof DatasourceError && error.isTransient ? (error.retryAfterMs ?? 0) : undefined;
}

async function errorOf(datasource: Datasource, path: string, { status, headers, data }: AxiosResponse<Readable>): Promise<DatasourceError> {
  const { bytes } = await readBytes(data, maxErrorBytes);
  const text = bytes.toString('utf8');
  const retryAfterMs = readRetryAfterMs(headers['retry-after'], Date.now());
  return failed(failureOfStatus(status, text), datasource, path, [status, errorTextOf(text)].filter(Boolean).join(': '), { retryAfterMs });
}

/** Converts errors with a code, which come from Node or axios, and returns others unchanged. axios' error contains credentials, so it is not used as the cause. */
function connectionFailure(datasource: Datasource, path: string, error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (error instanceof DatasourceError || typeof code !== 'string') return error;
  const reason = (error as Error).message;
  return failed(failureOfCode(code), datasource, path, reason.includes(code) ? reason : [code, reason].filter(Boolean).join(': '), {
    cause: new Error(reason),
  });
}

/** Returns the error text of a response body: `error` of Prometheus' envelope, or else the first line. */
function errorTextOf(text: string): string {
  const error = /"error"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
  return storable((error?.replace(/\\(.)/g, '$1') ?? text.trim().split('\n', 1)[0] ?? '').slice(0, 500));
}

/** Reads at most `limit` bytes of a body. `isComplete` is false if there are more, which stay unread. */
export async function readBytes(body: Readable, limit: number): Promise<{ bytes: Buffer; isComplete: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    chunks.push(chunk);
    if (length > limit) return { bytes: Buffer.concat(chunks).subarray(0, limit), isComplete: false };
  }
  return { bytes: Buffer.concat(chunks), isComplete: true };
}
