import type { RunningChild } from './child-process.js';
import { removeTempFolder } from './temp-folder.js';

/** What every server can do. After `kill`, `start` brings it back on the same port with the same data. */
export interface Server {
  /** Starts it again after `kill`; resolves when it answers. */
  start(): Promise<void>;
  /** kill -9, as a crash is; the data stay. */
  kill(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** Runs what `launch` starts (and waits for); `stop` ends it, does what `afterStop` says and removes `folder`, its data. */
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

/** A server that somebody else runs: it is used, never started or ended. */
export function givenServer(name: string): Server {
  const refuse = async () => {
    throw new Error(`${name} was given by the environment: it is not ours to start or kill`);
  };
  return { start: refuse, kill: refuse, stop: async () => undefined };
}
