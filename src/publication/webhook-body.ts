import { createHmac, type Hmac } from 'node:crypto';

/** Renders a JSON text in parts, with the same bytes on every call, so that it is never in memory as a whole. */
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
    super('The webhook body changed between measuring and sending, so the call was cut off. The step runs again.');
    this.name = 'BodyChanged';
  }
}

/** What a body is measured with. Without a secret the HMAC only tells whether two renderings are equal. */
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

async function measureOne(render: RenderBody, { maxBytes, secret, signal }: Measure): Promise<MeasuredBody | undefined> {
  const hmac = hmacWith(secret);
  let bytes = 0;
  for await (const part of render()) {
    signal?.throwIfAborted();
    hmac.update(part);
    bytes += Buffer.byteLength(part);
    if (bytes > maxBytes) return undefined;
  }
  return { render, bytes, hmac: hmac.digest('hex') };
}

/** One rendering of a body on its way to the receiver. */
export class BodyRendering {
  /** The next part is awaited from the renderer, not the receiver. */
  isWaiting = false;

  constructor(
    private readonly body: MeasuredBody,
    private readonly secret?: string,
  ) {}

  /** The body's parts. Rejects with BodyChanged before the last one where the bytes are not those that were measured: the receiver never gets a complete wrong body. */
  async *parts(): AsyncGenerator<string> {
    const hmac = hmacWith(this.secret);
    let bytes = 0;
    let held = '';
    this.isWaiting = true;
    for await (const part of this.body.render()) {
      this.isWaiting = false;
      hmac.update(part);
      bytes += Buffer.byteLength(part);
      if (bytes > this.body.bytes) throw new BodyChanged();
      if (held) yield held;
      held = part;
      this.isWaiting = true;
    }
    this.isWaiting = false;
    if (hmac.digest('hex') !== this.body.hmac) throw new BodyChanged();
    yield held;
  }
}

function hmacWith(secret = ''): Hmac {
  return createHmac('sha256', secret);
}
