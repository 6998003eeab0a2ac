import { BroadcastChannel } from 'node:worker_threads';

/** Between this process's measuring threads and the one that started them. */
const channelName = 'rightsizer-measuring-threads';

type Message = 'open' | 'close' | 'closed';

/** Says that this thread is there, and runs `close` when it is to end. */
export function joinThreads(close: () => Promise<void>): void {
  const channel = openChannel(async (message) => {
    if (message !== 'close') return;
    await close().catch(() => undefined);
    send(channel, 'closed');
  });
  send(channel, 'open');
}

/** The threads as their starter sees them; make it before they start. */
export class ThreadChannel {
  private openThreads = 0;
  private whenOneOpens: () => void = () => undefined;
  private whenNoneIsOpen: () => void = () => undefined;
  private readonly channel = openChannel((message) => {
    if (message === 'open') {
      this.openThreads++;
      this.whenOneOpens();
    }
    if (message === 'closed' && --this.openThreads === 0) this.whenNoneIsOpen();
  });

  /** Resolves when so many threads are there, or when time is up. */
  async untilOpen(threads: number, timeoutMs: number): Promise<void> {
    await within(timeoutMs, (resolve) => {
      this.whenOneOpens = () => this.openThreads >= threads && resolve();
      this.whenOneOpens();
    });
  }

  /** Resolves when all threads have done what they do at their end, or when time is up. */
  async closeAll(timeoutMs: number): Promise<void> {
    if (this.openThreads > 0) {
      await within(timeoutMs, (resolve) => {
        this.whenNoneIsOpen = resolve;
        send(this.channel, 'close');
      });
    }
    this.channel.close();
  }
}

/** Resolves when `begin` says so, or when time is up. */
async function within(timeoutMs: number, begin: (resolve: () => void) => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
    begin(resolve);
  });
  clearTimeout(timer);
}

function openChannel(onMessage: (message: Message) => void): BroadcastChannel {
  const channel = new BroadcastChannel(channelName);
  channel.onmessage = (event: unknown) => onMessage((event as { data: Message }).data);
  channel.unref();
  return channel;
}

function send(channel: BroadcastChannel, message: Message): void {
  channel.postMessage(message);
}
