// Outlives the process that started it, however that one ended, and clears up what it left: lines on stdin say what there is.
//   group 123      a process group to kill          folder /tmp/…   a folder to remove
//   gone 123       no more to be done about it
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const left = new Map();

for await (const line of createInterface({ input: process.stdin })) {
  const [, kind, what] = /^(\w+) (.*)$/.exec(line);
  if (kind === 'gone') left.delete(what);
  else left.set(what, kind);
}

const of = (wanted) => [...left].filter(([, kind]) => kind === wanted).map(([what]) => what);
for (const group of of('group')) {
  try {
    process.kill(-Number(group), 'SIGKILL');
  } catch {
    // Nothing of the group is left.
  }
}
for (const folder of of('folder')) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
