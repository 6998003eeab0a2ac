import { Command, InvalidArgumentError } from 'commander';
import { showJob } from './show-job.js';
import { startServers } from './start-servers.js';
import { tell } from './stopwatch.js';
import { whereNext } from './where-next.js';

interface DemoOptions {
  readonly once?: boolean;
  readonly containers: number;
  readonly days: number;
  readonly scrape: number;
}

const command = new Command('npm run demo --')
  .description('Sizes a generated cluster on a real Prometheus and a real Apache Kafka, and shows what arrives on the three topics.')
  .option('--once', 'end when all is shown; the exit status is 0 only when every record arrived')
  .option('--containers <number>', 'how many containers the cluster has', readWholeNumber, 60)
  .option('--days <number>', 'days of usage, up to now', readWholeNumber, 15)
  .option('--scrape <seconds>', 'seconds from one sample to the next', readWholeNumber, 300)
  .addHelpText('after', '\nKAFKA_BOOTSTRAP_SERVERS, PROMETHEUS_URL and DATABASE_URL, where set, are used instead of servers of its own.');

try {
  await runDemo(command.parse().opts<DemoOptions>());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

async function runDemo({ once, containers, days, scrape }: DemoOptions): Promise<void> {
  const servers = await startServers({ containers, days, scrapeSeconds: scrape });
  const { jobId, faults } = await showJob(servers);
  for (const fault of faults) console.error(`MISSING: ${fault}`);
  tell(
    faults.length > 0 ? `${faults.length} things are not as they should be` : 'Every experiment has its record, and the summary came last',
  );
  if (!once) {
    console.log(whereNext(servers, jobId));
    tell('Everything stays up until Ctrl-C');
    return;
  }
  for (const server of [servers.service, servers.kafka, servers.prometheus]) await server.stop();
  process.exit(faults.length > 0 ? 1 : 0);
}

function readWholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('expected a whole number above 0');
  return Number(text);
}
