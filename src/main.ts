// Only syntax of Node 12 (no ?., no ??, no top-level await): an older Node then says which one is needed.
// And nothing large: as the first process of a container (PID 1) this one hears no signal before its handlers are there.
import { faultOfNode } from './node-version.js';

const fault = faultOfNode(process.version);
if (fault !== undefined) {
  process.stderr.write(`${fault}\n`);
  process.exit(1);
}

const stop = new AbortController();
let stopsSince = 0;
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    // Whoever asks again ends a stop that hangs. Not at once: a terminal's Ctrl-C comes twice, from the terminal and from npm.
    if (stop.signal.aborted && performance.now() - stopsSince > 2_000) process.exit(1);
    if (!stop.signal.aborted) stopsSince = performance.now();
    stop.abort(signal);
  });
}

// A fault of ours that nobody caught ends the process in good order too: what it started, such as an embedded PostgreSQL, must not stay behind.
process.on('uncaughtException', (error) => {
  process.stderr.write(`rightsizer stops by a fault of its own. ${error.stack}\n`);
  stop.abort(error);
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
        `rightsizer takes no argument ${argument}. Settings are environment variables, such as PORT=80; --help lists them.\n`,
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
