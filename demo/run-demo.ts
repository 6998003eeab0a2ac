import { Command, InvalidArgumentError } from 'commander';
import { showJob } from './show-job.js';
import { startServers } from './start-servers.js';
import { logStep } from './stopwatch.js';
import { whereNext } from './where-next.js';

interface DemoOptions {
  readonly once?: boolean;
  readonly containers: number;
  readonly days: number;
  readonly scrape: number;
}

const command = new Command('npm run demo --')
  .description('Sizes a generated cluster on a real Prometheus and a real Apache Kafka, and shows the records of the three topics.')
  .option('--once', 'exit at the end; the exit status is 0 only if all records arrived')
  .option('--containers <number>', 'containers of the cluster', readWholeNumber, 60)
  .option('--days <number>', 'days of usage, up to now', readWholeNumber, 15)
  .option('--scrape <seconds>', 'scrape interval', readWholeNumber, 300)
  .addHelpText('after', '\nSet KAFKA_BOOTSTRAP_SERVERS, PROMETHEUS_URL or DATABASE_URL to use your own servers.');

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
  logStep(faults.length > 0 ? `${faults.length} checks failed` : 'Every experiment has its record, and the summary came last');
  if (!once) {
    console.log(whereNext(servers, jobId));
    logStep('Everything stays up until Ctrl-C');
    return;
  }
  for (const server of [servers.service, servers.kafka, servers.prometheus]) await server.stop();
  process.exit(faults.length > 0 ? 1 : 0);
}

function readWholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('expected a whole number above 0');
  return Number(text);
}
