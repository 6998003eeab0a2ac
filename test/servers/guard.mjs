// Outlives the process that started it, however that one ended, and clears up what it left: lines on stdin say what there is.
//   group 123      a process group to kill
//   pidfile /tmp/… a file whose first line is a PostgreSQL to end, if it is there
//   folder /tmp/…  a folder to remove
//   gone 123       no more to be done about it
import { readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const left = new Map();

for await (const line of createInterface({ input: process.stdin })) {
  const [, kind, what] = /^(\w+) (.*)$/.exec(line);
  if (kind === 'gone') left.delete(what);
  else left.set(what, kind);
}

const of = (wanted) => [...left].filter(([, kind]) => kind === wanted).map(([what]) => what);
const signal = (pid, name) => {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended already.
  }
};
const firstLine = (file) => {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10);
  } catch {
    return undefined;
  }
};

for (const group of of('group')) signal(-Number(group), 'SIGKILL');
for (const pid of of('pidfile').map(firstLine)) if (pid) signal(pid, 'SIGQUIT');
for (const folder of of('folder')) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
