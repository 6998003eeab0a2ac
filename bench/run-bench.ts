import { availableParallelism, cpus, totalmem } from 'node:os';
import { Command } from 'commander';
import { measureAll } from './measure-all.js';
import { measureScaling } from './measure-scaling.js';
import { peakRssMb, printReport, type Report, ratiosOf, scalingTable } from './report.js';

interface Options {
  readonly containers: number;
  readonly scrape: number;
  readonly days: number;
  readonly reference: number;
  readonly kafka: boolean;
  readonly scaling: boolean;
  readonly json: boolean;
}

type Print = (line: string) => void;

/** What is measured by itself, by the argument that asks for it. */
const parts: Readonly<Record<string, (print: Print) => Promise<object>>> = {
  engine: async (print) => (await import('./engine.js')).benchEngine(print),
  kafka: async (print) => (await import('./kafka.js')).benchKafka(print),
  turns: async (print) => (await import('./turns.js')).benchTurns(print),
  scaling: async (print) => {
    const scaling = await measureScaling(print);
    print(scalingTable(scaling));
    return { scaling };
  },
};

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
  .option('--no-kafka', 'leave out the line with Kafka')
  .option('--no-scaling', 'leave out clusters of other sizes: 100, 1,000 and 10,000 containers')
  .option('--json', 'print one JSON object on stdout instead of tables')
  .argument('[part]', `measure this alone: ${Object.keys(parts).join(', ')}`)
  .action(async (part: string | undefined, options: Options) => {
    const tell: Print = (text) => process.stderr.write(`${text}\n`);
    const print: Print = options.json ? tell : console.log;
    if (part !== undefined && !Object.hasOwn(parts, part))
      throw new Error(`unknown benchmark "${part}"; known: ${Object.keys(parts).join(', ')}, or nothing for the whole`);
    const result = part === undefined ? await benchWhole(options, tell) : await parts[part]!(print);
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else if (part === undefined) process.stdout.write(printReport(result as Report));
  });

async function benchWhole(options: Options, tell: Print) {
  const lines = await measureAll(options, tell);
  const scaling = options.scaling ? await measureScaling(tell) : [];
  const machine = {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? '',
    memoryGb: Math.round(totalmem() / 1e9),
    node: process.version,
  };
  const { containers, scrape: scrapeSeconds, days } = options;
  const report: Report = { containers, scrapeSeconds, days, machine, ratios: ratiosOf(lines), lines, scaling };
  const { chunks } = lines.rounds[0]!;
  return { ...report, requests_per_container: chunks.requests / chunks.containers, peak_rss_mb: Math.round(peakRssMb(lines)) };
}

await program.parseAsync();
