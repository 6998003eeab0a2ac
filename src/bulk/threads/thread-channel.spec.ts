import { setTimeout as sleep } from 'node:timers/promises';
import { joinThreads, ThreadChannel } from './thread-channel.js';

describe('ThreadChannel', () => {
  it('waits until every thread has closed', async () => {
    const channel = new ThreadChannel();
    const closed: string[] = [];
    joinThreads(async () => {
      await sleep(100);
      closed.push('slow');
    });
    joinThreads(async () => {
      closed.push('quick');
      throw new Error('a thread that fails to close is closed too');
    });
    await sleep(50);
    await channel.closeAll(5_000);
    expect(closed).toEqual(['quick', 'slow']);
  });

  it('does not wait for a thread longer than it may', async () => {
    const channel = new ThreadChannel();
    joinThreads(() => new Promise(() => undefined));
    await sleep(50);
    const begun = performance.now();
    await channel.closeAll(100);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it('waits until so many threads are there', async () => {
    const channel = new ThreadChannel();
    let isOpen = false;
    const opened = channel.untilOpen(2, 5_000).then(() => {
      isOpen = true;
    });
    joinThreads(async () => undefined);
    await sleep(50);
    expect(isOpen).toBe(false);
    joinThreads(async () => undefined);
    await opened;
    await channel.closeAll(5_000);
  });

  it('waits for them no longer than it may', async () => {
    const channel = new ThreadChannel();
    await channel.untilOpen(1, 50);
    await channel.closeAll(100);
  });

  it('does not wait where no thread is', async () => {
    const begun = performance.now();
    await new ThreadChannel().closeAll(5_000);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});
