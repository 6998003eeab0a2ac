// Outlives the process that started it and cleans up after it. Lines on stdin register cleanups:
//   group 123      kill this process group
//   pidfile /tmp/… stop the PostgreSQL whose process id is in the first line of this file, if the file exists
//   folder /tmp/…  remove this folder
//   gone 123       remove a registration
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
    // It has already ended.
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
