import { once } from 'node:events';
import { runTogether } from './abort.js';

const untilStopped = async (signal: AbortSignal) => {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
};

describe('runTogether', () => {
  it('returns the results in the order of the tasks', async () => {
    expect(await runTogether([async () => 1, async () => 2])).toEqual([1, 2]);
  });

  it('stops the other tasks when one fails, and rejects with its error', async () => {
    const failure = new Error('refused');
    let stopped = false;
    const slow = (signal: AbortSignal) => untilStopped(signal).finally(() => (stopped = true));
    await expect(runTogether([slow, () => Promise.reject(failure)])).rejects.toBe(failure);
    await new Promise(setImmediate);
    expect(stopped).toBe(true);
  });

  it.each([
    ['before', (controller: AbortController) => controller.abort(new Error('cancelled'))],
    ['during', (controller: AbortController) => void setImmediate(() => controller.abort(new Error('cancelled')))],
  ])("stops all tasks when the caller's signal fires %s", async (_, abort) => {
    const controller = new AbortController();
    abort(controller);
    await expect(runTogether([untilStopped, untilStopped], controller.signal)).rejects.toThrow('cancelled');
  });
});
