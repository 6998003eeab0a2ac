import type { RunningChild } from './child-process.js';
import { removeTempFolder } from './temp-folder.js';

/** A server. After `kill`, `start` starts it on the same port with the same data. */
export interface Server {
  /** Starts the server again after `kill`; resolves when it is ready. */
  start(): Promise<void>;
  /** kill -9, as in a crash. Keeps the data. */
  kill(): Promise<void>;
  /** Stops the server and removes its data. */
  stop(): Promise<void>;
}

/** Starts a server by `launch`, which waits until it is ready. `stop` stops it, runs `afterStop` and removes its data in `folder`. */
export async function startServer(
  folder: string,
  launch: () => Promise<RunningChild>,
  afterStop?: () => Promise<unknown>,
): Promise<Server> {
  const started: RunningChild[] = [];
  const start = async () => {
    started.push(await launch());
  };
  await start();
  return {
    start,
    kill: async () => started.at(-1)?.kill(),
    stop: async () => {
      await Promise.all(started.map((child) => child.stop()));
      await afterStop?.();
      removeTempFolder(folder);
    },
  };
}

/** A server that runs elsewhere: it is never started or stopped here. */
export function givenServer(name: string): Server {
  const refuse = async () => {
    throw new Error(`${name} is an external server: tests cannot start or kill it`);
  };
  return { start: refuse, kill: refuse, stop: async () => undefined };
}
