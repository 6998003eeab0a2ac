import { BroadcastChannel } from 'node:worker_threads';
import type { ReaderProbe } from '../probes/reader-probes.js';

/** Between this process's measuring threads and the one that started them. */
const channelName = 'rightsizer-measuring-threads';

type Message = 'open' | 'close' | 'closed' | ProbeOfThread;

/** What a thread found out about a datasource, and reads it by. */
export interface ProbeOfThread {
  readonly datasource: string;
  readonly probe: ReaderProbe;
}

/** Says that this thread is there, and runs `close` when it is to end. Returns what tells the starter of a probe. */
export function joinThreads(close: () => Promise<void>): (probe: ProbeOfThread) => void {
  const channel = openChannel(async (message) => {
    if (message !== 'close') return;
    await close().catch(() => undefined);
    channel.postMessage('closed' satisfies Message);
    channel.close();
  });
  channel.postMessage('open' satisfies Message);
  return (probe) => channel.postMessage(probe satisfies Message);
}

/** The threads as their starter sees them; make it before they start. */
export class ThreadChannel {
  private readonly seen = { open: 0, closed: 0 };
  private onMessage: () => void = () => undefined;
  private readonly channel = openChannel((message) => {
    if (typeof message === 'object') this.onProbe(message);
    else if (message !== 'close') this.seen[message]++;
    this.onMessage();
  });

  constructor(private readonly onProbe: (probe: ProbeOfThread) => void = () => undefined) {}

  /** Resolves when so many threads have opened, or when time is up; says whether they have. */
  untilOpen(threads: number, timeoutMs: number): Promise<boolean> {
    return this.until(() => this.seen.open >= threads, timeoutMs);
  }

  /** Resolves when so many threads have done what they do at their end, or when time is up; says whether they have. */
  async closeAll(threads: number, timeoutMs: number): Promise<boolean> {
    this.channel.postMessage('close' satisfies Message);
    const haveClosed = await this.until(() => this.seen.closed >= threads, timeoutMs);
    this.channel.close();
    return haveClosed;
  }

  private async until(isSo: () => boolean, timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
      this.onMessage = () => isSo() && resolve();
      this.onMessage();
    });
    clearTimeout(timer);
    return isSo();
  }
}

function openChannel(onMessage: (message: Message) => void): BroadcastChannel {
  const channel = new BroadcastChannel(channelName);
  channel.onmessage = (event: unknown) => onMessage((event as { data: Message }).data);
  channel.unref();
  return channel;
}
