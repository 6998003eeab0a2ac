// Only syntax of Node 12 (no ?., no ??, no top-level await): an older Node then says which one is needed.
// And nothing large: as the first process of a container (PID 1) this one hears no signal before its handlers are there.
import { faultOfNode } from './node-version.js';

const fault = faultOfNode(process.version);
if (fault !== undefined) {
  process.stderr.write(`${fault}\n`);
  process.exit(1);
}

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stop.abort(signal));

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
    if (process.argv.includes('--help') || process.argv.includes('-h')) {
      process.stdout.write(describeSettings());
    } else {
      process.exit(await runService(stop.signal));
    }
  })
  .catch((error) => {
    process.stderr.write(`rightsizer does not start. ${error.stack}\n`);
    process.exit(1);
  });
