// Only what an old Node can read, and nothing large: as the first process of a container (PID 1) it hears no signal before its handlers are there.
import { faultOfNode } from './node-version.js';

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

const fault = faultOfNode(process.version);
if (fault !== undefined) {
  process.stderr.write(`${fault}\n`);
  process.exit(1);
}

const { describeSettings, runService } = await import('./service.js');
if (process.argv.includes('--help') || process.argv.includes('-h')) {
  process.stdout.write(describeSettings());
} else {
  const code = await runService(stop.signal);
  process.exit(code);
}
