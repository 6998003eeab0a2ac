// Only syntax of Node 12 (no ?., no ??, no top-level await): an older Node then says which one is needed.
// And nothing large: as the first process of a container (PID 1) this one hears no signal before its handlers are there.
import { faultOfNode } from './node-version.js';

const fault = faultOfNode(process.version);
if (fault !== undefined) {
  process.stderr.write(`${fault}\n`);
  process.exit(1);
}

const stop = new AbortController();
let stopBeganMs = 0;
function beginStop(reason: unknown): void {
  if (stop.signal.aborted) return;
  stopBeganMs = performance.now();
  stop.abort(reason);
}
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    // One Ctrl-C can arrive twice, from the terminal and from npm, so only a later signal forces the exit.
    if (stop.signal.aborted && performance.now() - stopBeganMs > 2000) {
      process.stderr.write(
        'rightsizer exits at the second signal. Its steps go on in other workers or at the next start, which also takes over an embedded PostgreSQL that keeps running.\n',
      );
      process.exit(1);
    }
    beginStop(signal);
  });
}

// A fault of ours that nobody caught ends the process in good order too: what it started, such as an embedded PostgreSQL, must not stay behind.
process.on('uncaughtException', (error) => {
  process.stderr.write(`rightsizer stops by a fault of its own. ${error.stack}\n`);
  beginStop(error);
});
process.on('unhandledRejection', (reason) => {
  process.stderr.write(`A failure that nobody waited for: ${reason instanceof Error ? reason.stack : String(reason)}\n`);
});

import('./service.js')
  .then(async ({ describeSettings, runService }) => {
    const [argument] = process.argv.slice(2);
    if (argument === '--help' || argument === '-h') {
      process.stdout.write(describeSettings());
    } else if (argument !== undefined) {
      process.stderr.write(
        `rightsizer does not accept the argument ${argument}. Set environment variables, such as PORT=8081; --help lists them.\n`,
      );
      process.exit(1);
    } else {
      process.exit(await runService(stop.signal));
    }
  })
  .catch((error) => {
    process.stderr.write(`rightsizer does not start. ${error.stack}\n`);
    process.exit(1);
  });
