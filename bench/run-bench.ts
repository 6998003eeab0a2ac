import { availableParallelism, cpus, totalmem } from 'node:os';
import { Command } from 'commander';
import { measureAll } from './measure-all.js';
import { printTable, ratiosOf } from './report.js';

interface Options {
  readonly containers: number;
  readonly scrape: number;
  readonly days: number;
  readonly reference: number;
  readonly kafka: boolean;
  readonly json: boolean;
}

const whole = (text: string) => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Error(`"${text}" is not a whole number above 0`);
  return number;
};

const program = new Command('npm run bench --')
  .description('Compares, in one run on this machine, ways to size the containers of a generated cluster on a real Prometheus.')
  .option('--containers <n>', 'containers of the cluster', whole, 500)
  .option('--scrape <seconds>', 'scrape interval', whole, 120)
  .option('--days <n>', 'days of data', whole, 15)
  .option('--reference <n>', "containers that are asked about in the reference's way; its time for all is extrapolated", whole, 30)
  .option('--no-kafka', 'leave out the lines with Kafka')
  .option('--json', 'print one JSON object on stdout instead of the table')
  .argument('[what]', 'engine: measure the engine alone')
  .action(async (what: string | undefined, options: Options) => {
    if (what === 'engine') {
      const { benchEngine } = await import('./engine.js');
      const result = await benchEngine(options.json ? console.error : console.log);
      if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
      return;
    }
    if (what !== undefined) throw new Error(`unknown benchmark "${what}"; known: engine, or nothing for the whole`);
    const lines = await measureAll(options, (text) => process.stderr.write(`${text}\n`));
    const machine = {
      cores: availableParallelism(),
      cpu: cpus()[0]?.model ?? '',
      memoryGb: Math.round(totalmem() / 1e9),
      node: process.version,
    };
    const report = {
      containers: options.containers,
      scrapeSeconds: options.scrape,
      days: options.days,
      machine,
      ratios: ratiosOf(lines),
      lines,
    };
    const { chunks } = lines;
    if (options.json) {
      const flat = { requests_per_container: chunks.requests / chunks.containers, peak_rss_mb: Math.round(chunks.peakRssMb) };
      process.stdout.write(`${JSON.stringify({ ...report, ...flat })}\n`);
    } else {
      process.stdout.write(printTable(report));
    }
  });

await program.parseAsync();
