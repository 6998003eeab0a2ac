import { createHmac } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import axios, { type AxiosResponse } from 'axios';
import pRetry from 'p-retry';
import { readRetryAfterMs } from '../calls/retry.js';
import type { Notification } from '../experiments/experiment.js';
import { plainAgent, proxyFor, secureAgent } from '../settings/proxy.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { BlockedTargetError, WebhookTargets } from './webhook-target.js';

export interface WebhookCall {
  readonly url: string;
  /** Id of this delivery, the same on every attempt, so that a receiver recognizes repeats. */
  readonly deliveryId: string;
  /** JSON bodies, the most detailed first. The first one of at most `maxBytes` is sent. */
  readonly bodies: readonly RenderBody[];
  readonly maxBytes: number;
}

/** Result of a webhook, as GET /bulk shows it (Kruize: design/BulkAPI.md). */
export type WebhookResult = { readonly status: 'COMPLETED' } | { readonly status: 'FAILED'; readonly notification: Notification };

export const webhookPace = {
  attempts: 6,
  /** Pause before the second attempt; it doubles before each further one. */
  firstPauseMs: 1_000,
  maxPauseMs: 30_000,
  /** Timeout of one attempt, without the time for rendering. */
  timeoutMs: 10_000,
  /** A call is not retried if Retry-After is longer. */
  maxRetryAfterMs: 120_000,
};
type WebhookPace = Readonly<typeof webhookPace>;

/** Statuses after which a retry may succeed, besides all of 500 and above. */
const transientStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

/** A failed attempt. */
class FailedCall extends Error {
  constructor(
    readonly notification: Notification,
    readonly isTransient: boolean,
    readonly retryAfterMs = 0,
  ) {
    super(notification.message);
  }
}

/** Calls webhooks: a signed POST of a JSON body, with retries. Does not follow redirects and does not connect to blocked addresses. */
@Injectable()
export class WebhookClient {
  private readonly targets: WebhookTargets;

  constructor(@InjectSettings() private readonly settings: Pick<Settings, 'WEBHOOK_ALLOW' | 'WEBHOOK_ALLOW_PRIVATE' | 'WEBHOOK_SECRET'>) {
    this.targets = new WebhookTargets(settings);
  }

  /**
   * Calls until a 2xx response or a permanent failure. Renders the body once to measure it and once per attempt. Rejects without a result if
   * the signal is aborted or the body can't be rendered.
   */
  async call(call: WebhookCall, { signal, pace = webhookPace }: { signal?: AbortSignal; pace?: WebhookPace } = {}): Promise<WebhookResult> {
    const body = await measureBody(call.bodies, { maxBytes: call.maxBytes, secret: this.settings.WEBHOOK_SECRET, signal });
    if (!body) {
      const message = `The smallest webhook body exceeds WEBHOOK_MAX_BYTES=${call.maxBytes}, so nothing was sent. Raise WEBHOOK_MAX_BYTES.`;
      return { status: 'FAILED', notification: failureOf(413, message) };
    }
    try {
      await pRetry(() => this.attempt(call, body, pace, signal), {
        retries: pace.attempts - 1,
        minTimeout: pace.firstPauseMs,
        maxTimeout: pace.maxPauseMs,
        signal,
        shouldRetry: ({ error }) => error instanceof FailedCall && error.isTransient && error.retryAfterMs <= pace.maxRetryAfterMs,
        onFailedAttempt: async ({ error, retriesLeft }) => {
          const pauseMs = error instanceof FailedCall && retriesLeft > 0 ? error.retryAfterMs : 0;
          if (pauseMs > 0 && pauseMs <= pace.maxRetryAfterMs) await delay(pauseMs, undefined, { signal });
        },
      });
      return { status: 'COMPLETED' };
    } catch (error) {
      if (error instanceof FailedCall) return { status: 'FAILED', notification: error.notification };
      throw error;
    }
  }

  private async attempt(call: WebhookCall, body: MeasuredBody, pace: WebhookPace, signal?: AbortSignal): Promise<void> {
    const { status, headers } = await this.responseOf(call, body, pace, signal);
    if (status >= 200 && status < 300) return;
    throw new FailedCall(
      failureOf(status, `Webhook ${hostOf(call.url)} responded with ${status}.`),
      transientStatuses.has(status) || status >= 500,
      readRetryAfterMs(headers['retry-after'], Date.now()) ?? 0,
    );
  }

  /** Sends one rendering of the body. The receiver may respond before it has read all of it. */
  private async responseOf(
    call: WebhookCall,
    body: MeasuredBody,
    pace: WebhookPace,
    signal?: AbortSignal,
  ): Promise<AxiosResponse<Readable>> {
    const rendering = new BodyRendering(body, this.settings.WEBHOOK_SECRET);
    const stream = Readable.from(rendering.parts(), { objectMode: false });
    const timeout = receiverTimeout(rendering, pace.timeoutMs);
    try {
      // If the receiver responds early, a streamed body is cut off. A buffered one is still sent completely.
      const data = body.bytes <= bufferedBytes ? await buffer(stream) : stream;
      const response = await this.post(call, body, data, AbortSignal.any(signal ? [timeout.signal, signal] : [timeout.signal]));
      response.data.destroy();
      return response;
    } catch (error) {
      signal?.throwIfAborted();
      // A body that can't be rendered, or that changed, is not the receiver's fault.
      if (stream.errored) throw stream.errored;
      throw failedConnection(call.url, error, timeout.signal.aborted ? pace.timeoutMs : undefined);
    } finally {
      timeout.clear();
      stream.destroy();
    }
  }

  private async post(
    { url, deliveryId }: WebhookCall,
    { bytes, hmac }: MeasuredBody,
    data: Readable | Buffer,
    signal: AbortSignal,
  ): Promise<AxiosResponse<Readable>> {
    this.targets.check(url);
    const { lookup } = this.targets;
    const proxy = proxyFor(url);
    if (proxy) await this.targets.checkName(url);
    return axios.post<Readable>(url, data, {
      headers: {
        'Content-Type': 'application/json',
        'Content-Length': bytes,
        Accept: 'application/json',
        'User-Agent': 'rightsizer',
        'X-Rightsizer-Delivery': deliveryId,
        ...(this.settings.WEBHOOK_SECRET && { 'X-Rightsizer-Signature': `sha256=${hmac}` }),
      },
      httpAgent: plainAgent(proxy, proxy ? {} : { lookup }),
      httpsAgent: secureAgent(proxy, proxy ? {} : { lookup }),
      proxy: false,
      maxRedirects: 0,
      // The response body is not read: it must not be shown to the user who chose the URL.
      responseType: 'stream',
      validateStatus: () => true,
      signal,
    });
  }
}

/** Bodies up to this size are buffered; larger ones are streamed. */
const bufferedBytes = 1_000_000;

/** Checks of the receiver's time per timeout. */
const timeoutTicks = 10;

/** Aborts when the receiver's time is up. Ticks during rendering do not count. */
function receiverTimeout(rendering: BodyRendering, timeoutMs: number): { readonly signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  let ticks = 0;
  const timer = setInterval(() => {
    if (!rendering.isWaiting && ++ticks === timeoutTicks) controller.abort();
  }, timeoutMs / timeoutTicks);
  return { signal: controller.signal, clear: () => clearInterval(timer) };
}

function failedConnection(url: string, error: unknown, timeoutMs: number | undefined): FailedCall {
  if (timeoutMs !== undefined)
    return new FailedCall(failureOf(504, `Webhook ${hostOf(url)} did not respond within ${timeoutMs} ms.`), true);
  const blocked = causesOf(error).find((cause) => cause instanceof BlockedTargetError);
  if (blocked) return new FailedCall(failureOf(403, blocked.message), false);
  const code = axios.isAxiosError(error) && error.code ? ` (${error.code})` : '';
  return new FailedCall(failureOf(503, `Webhook ${hostOf(url)} can't be reached${code}.`), true);
}

function failureOf(code: number, message: string): Notification {
  return { type: 'ERROR', message, code };
}

function causesOf(error: unknown): unknown[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : [];
}

/** Messages contain only the host of a URL: its path and query may hold secrets. */
function hostOf(url: string): string {
  return new URL(url).host;
}

/** Renders a JSON body in parts, so that it is never in memory as a whole. Every call must give the same bytes. */
export type RenderBody = () => AsyncIterable<string> | Iterable<string>;

/** A body whose size and HMAC-SHA256 are known before it is sent. */
export interface MeasuredBody {
  readonly render: RenderBody;
  readonly bytes: number;
  readonly hmac: string;
}

/** The body changed between two renderings. */
export class BodyChanged extends Error {
  constructor() {
    super('The webhook body changed between measuring and sending, so the call was cut off. The step is retried.');
    this.name = 'BodyChanged';
  }
}

/** How to measure a body. Without a secret the HMAC only serves to compare two renderings. */
export interface Measure {
  readonly maxBytes: number;
  readonly secret?: string;
  readonly signal?: AbortSignal;
}

/** Renders each body once and returns the first that has at most `maxBytes`; undefined if none fits. */
export async function measureBody(bodies: Iterable<RenderBody>, measure: Measure): Promise<MeasuredBody | undefined> {
  for (const render of bodies) {
    const measured = await measureOne(render, measure);
    if (measured) return measured;
  }
  return undefined;
}

async function measureOne(render: RenderBody, { maxBytes, secret = '', signal }: Measure): Promise<MeasuredBody | undefined> {
  const hmac = createHmac('sha256', secret);
  let bytes = 0;
  for await (const part of render()) {
    signal?.throwIfAborted();
    hmac.update(part);
    bytes += Buffer.byteLength(part);
    if (bytes > maxBytes) return undefined;
  }
  return { render, bytes, hmac: hmac.digest('hex') };
}

/** One rendering of a body, as it is sent. */
export class BodyRendering {
  /** Whether the next part is awaited from the renderer rather than the receiver. */
  isWaiting = false;

  constructor(
    private readonly body: MeasuredBody,
    private readonly secret = '',
  ) {}

  /** Yields the body's parts. Throws BodyChanged before the last part if the bytes differ from the measured ones, so that the receiver never gets a complete wrong body. */
  async *parts(): AsyncGenerator<string> {
    const hmac = createHmac('sha256', this.secret);
    let bytes = 0;
    let previous = '';
    this.isWaiting = true;
    for await (const part of this.body.render()) {
      this.isWaiting = false;
      hmac.update(part);
      bytes += Buffer.byteLength(part);
      if (bytes > this.body.bytes) throw new BodyChanged();
      if (previous) yield previous;
      previous = part;
      this.isWaiting = true;
    }
    this.isWaiting = false;
    if (hmac.digest('hex') !== this.body.hmac) throw new BodyChanged();
    yield previous;
  }
}
