import { joinThreads, ThreadChannel } from './thread-channel.js';

/** No test waits for it: it stands for "as long as it takes". */
const longMs = 60_000;

/** A close that ends when it is told to. */
function pendingClose() {
  let end: () => void = () => undefined;
  const closing = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { close: () => closing, end: () => end() };
}

describe('ThreadChannel', () => {
  it('waits until every thread has closed', async () => {
    const channel = new ThreadChannel();
    const slow = pendingClose();
    joinThreads(slow.close);
    joinThreads(async () => {
      slow.end();
      throw new Error('a thread that fails to close is closed too');
    });
    expect(await channel.untilOpen(2, longMs)).toBe(true);
    expect(await channel.closeAll(2, longMs)).toBe(true);
  });

  it('does not wait for a thread longer than it may', async () => {
    const channel = new ThreadChannel();
    joinThreads(pendingClose().close);
    expect(await channel.untilOpen(1, longMs)).toBe(true);
    expect(await channel.closeAll(1, 20)).toBe(false);
  });

  it('does not wait for a thread that is gone', async () => {
    const channel = new ThreadChannel();
    joinThreads(pendingClose().close);
    joinThreads(async () => undefined);
    expect(await channel.untilOpen(2, longMs)).toBe(true);
    expect(await channel.closeAll(1, longMs)).toBe(true);
  });

  it('waits until so many threads are there, but no longer than it may', async () => {
    const channel = new ThreadChannel();
    joinThreads(async () => undefined);
    expect(await channel.untilOpen(1, longMs)).toBe(true);
    expect(await channel.untilOpen(2, 20)).toBe(false);
    const opened = channel.untilOpen(2, longMs);
    joinThreads(async () => undefined);
    expect(await opened).toBe(true);
    await channel.closeAll(2, longMs);
  });

  it('does not wait where no thread is', async () => {
    expect(await new ThreadChannel().closeAll(0, longMs)).toBe(true);
  });

  it('hands on what a thread found out about a datasource', async () => {
    const probe = { used: 'chunks', reason: 'remote read answers with chunks' } as never;
    const told = new Promise((resolve) => {
      new ThreadChannel(resolve);
    });
    joinThreads(async () => undefined)({ datasource: 'prometheus-1', probe });
    expect(await told).toEqual({ datasource: 'prometheus-1', probe });
  });
});
