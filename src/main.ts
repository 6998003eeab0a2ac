// Only syntax of Node 12 (no ?., no ??, no top-level await), so that an old Node can report which version is required.
// No large imports: as PID 1 of a container, the process ignores signals until its handlers are installed.
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
        'rightsizer exits because of a second signal. Other workers or the next start continue its steps. The next start also takes over an embedded PostgreSQL that is still running.\n',
      );
      process.exit(1);
    }
    beginStop(signal);
  });
}

// An uncaught error also shuts the process down cleanly, so that nothing that it started, such as an embedded PostgreSQL, is left running.
process.on('uncaughtException', (error) => {
  process.stderr.write(`rightsizer stops because of an internal error. ${error.stack}\n`);
  beginStop(error);
});
process.on('unhandledRejection', (reason) => {
  process.stderr.write(`Unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}\n`);
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
