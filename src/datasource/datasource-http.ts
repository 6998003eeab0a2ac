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
import { DatasourceError, describeFailure, failureOfCode, failureOfStatus } from './datasource-error.js';

/** What is asked: a path below the datasource's url, and its body with the headers that describe it. A `get` has none (the body is ''). */
export interface DatasourceRequest {
  readonly method?: 'get' | 'post';
  readonly path: string;
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads a good answer's body, decompressed. Runs again from the start when the answer breaks off. */
export type BodyReader<T> = (body: Readable) => Promise<T>;

type HttpSettings = Pick<Settings, 'DATASOURCE_CONCURRENCY' | 'DATASOURCE_TIMEOUT_MS' | 'DATASOURCE_RETRY_MS'>;

/** Of a refusal's body only its beginning is read. */
const longestRefusalBytes = 10_000;

/** Bytes that must arrive before a running answer counts as a sign of life. */
const progressBytes = 16_384;

/** Posts to datasources: credentials, TLS, one concurrency limit a datasource, time-out of the whole answer, retries. */
export class DatasourceHttp {
  private readonly agents = new Agents();
  private readonly tokens: BearerTokens;
  private readonly limits = new Map<string, LimitFunction>();
  private readonly answeredMs = new Map<string, number>();
  /** Answers that are being read, and how far. */
  private readonly reading = new Set<{ readonly name: string; readonly socket: Socket; bytes: number }>();

  constructor(private readonly settings: HttpSettings) {
    this.tokens = new BearerTokens(this.agents, settings.DATASOURCE_TIMEOUT_MS);
  }

  /** Rejects with a DatasourceError. Waiting for the limit and between retries is not part of the time-out; it ends with the signal. */
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
   * When a datasource last sent a response head or at least 16 kB more of a body, refusals included, as of the last call, in ms of performance.now();
   * undefined if never. One that trickles bytes counts as silent.
   */
  lastAnswerAt(datasource: string): number | undefined {
    for (const each of this.reading) {
      if (each.name !== datasource || each.socket.bytesRead < each.bytes + progressBytes) continue;
      this.answeredMs.set(datasource, performance.now());
      each.bytes = each.socket.bytesRead;
    }
    return this.answeredMs.get(datasource);
  }

  close(): void {
    this.agents.destroy();
  }

  private limitOf({ name }: Datasource): LimitFunction {
    const limit = this.limits.get(name) ?? pLimit(this.settings.DATASOURCE_CONCURRENCY);
    this.limits.set(name, limit);
    return limit;
  }

  /** A kept OAuth 2 token may have been revoked: refused once, it is asked for anew. */
  private async attemptWithFreshToken<T>(...ask: Parameters<typeof this.attempt<T>>): Promise<T> {
    try {
      return await this.attempt(...ask);
    } catch (error) {
      const isRefused = error instanceof DatasourceError && error.failure === 'refused-credentials';
      if (!isRefused || !this.tokens.forget(ask[0])) throw error;
      return this.attempt(...ask);
    }
  }

  private async attempt<T>(datasource: Datasource, request: DatasourceRequest, read: BodyReader<T>, caller?: AbortSignal): Promise<T> {
    const stop = stopAfter(this.settings.DATASOURCE_TIMEOUT_MS, caller);
    let response: AxiosResponse<Readable> | undefined;
    try {
      response = await this.send(datasource, request, stop.signal);
      this.answeredMs.set(datasource.name, performance.now());
      addAbortSignal(stop.signal, response.data);
      if (response.status >= 200 && response.status <= 299) {
        const { socket } = response.request as { socket: Socket };
        const reading = { name: datasource.name, socket, bytes: socket.bytesRead };
        this.reading.add(reading);
        const body = await read(response.data).finally(() => this.reading.delete(reading));
        this.answeredMs.set(datasource.name, performance.now());
        return body;
      }
      throw await refusal(datasource, request.path, response);
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

/** Transient failures are retried, after the pause that the datasource asks for. */
function pauseMsOf(error: unknown): number | undefined {
  return error instanceof DatasourceError && error.isTransient ? (error.retryAfterMs ?? 0) : undefined;
}

async function refusal(datasource: Datasource, path: string, { status, headers, data }: AxiosResponse<Readable>): Promise<DatasourceError> {
  const { bytes } = await readBytes(data, longestRefusalBytes);
  const text = bytes.toString('utf8');
  const retryAfterMs = readRetryAfterMs(headers['retry-after'], Date.now());
  return failed(failureOfStatus(status, text), datasource, path, [status, saidIn(text)].filter(Boolean).join(': '), { retryAfterMs });
}

/** Errors with a code are Node's or axios' about the connection; others are ours and pass as they are. Axios' own error holds credentials: it is no cause. */
function connectionFailure(datasource: Datasource, path: string, error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (error instanceof DatasourceError || typeof code !== 'string') return error;
  const said = (error as Error).message;
  return failed(failureOfCode(code), datasource, path, said.includes(code) ? said : [code, said].filter(Boolean).join(': '), {
    cause: new Error(said),
  });
}

/** What a refusal's body says: the `error` of Prometheus' envelope, else its first line. */
function saidIn(text: string): string {
  const error = /"error"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
  return storable((error?.replace(/\\(.)/g, '$1') ?? text.trim().split('\n', 1)[0] ?? '').slice(0, 500));
}

function failed(
  failure: DatasourceError['failure'],
  datasource: Datasource,
  path: string,
  said = '',
  options: { cause?: unknown; retryAfterMs?: number } = {},
): DatasourceError {
  return new DatasourceError(failure, describeFailure(failure, datasource, path, said), options);
}

/** Reads a body up to `limit` bytes; `isWhole` = false where there was more, which is left unread. */
export async function readBytes(body: Readable, limit: number): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    chunks.push(chunk);
    if (length > limit) return { bytes: Buffer.concat(chunks).subarray(0, limit), isWhole: false };
  }
  return { bytes: Buffer.concat(chunks), isWhole: true };
}
