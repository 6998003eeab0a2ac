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
  readonly other?: string;
  readonly pairs: number;
}

type Print = (line: string) => void;

/** Parts that can be measured alone, by argument. */
const parts: Readonly<Record<string, (print: Print, options: Options) => Promise<object>>> = {
  compare: async (print, { other, pairs, containers, scrape, days }) => {
    if (other === undefined) throw new Error('compare needs --other <folder>: a checkout of the version to compare with, built');
    return (await import('./compare.js')).compareBuilds({ other, pairs, containers, scrape, days }, print);
  },
  engine: async (print) => (await import('./engine.js')).benchEngine(print),
  kafka: async (print) => (await import('./kafka.js')).benchKafka(print),
  turns: async (print) => (await import('./turns.js')).benchTurns(print),
  scaling: async (print) => {
    const scaling = await measureScaling(print);
    print(scalingTable(scaling));
    return { scaling };
  },
};

const positiveInteger = (text: string) => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Error(`"${text}" is not a whole number above 0`);
  return number;
};

const program = new Command('npm run bench --')
  .description('Compares ways to size the containers of a generated cluster on a real Prometheus, in one run on this machine.')
  .option('--containers <n>', 'containers of the cluster', positiveInteger, 500)
  .option('--scrape <seconds>', 'scrape interval', positiveInteger, 120)
  .option('--days <n>', 'days of data', positiveInteger, 15)
  .option('--reference <n>', "containers for which Kruize's queries are measured; the time for all is extrapolated", positiveInteger, 30)
  .option('--no-kafka', 'leave out the line with Kafka')
  .option('--no-scaling', 'leave out the clusters of 100, 1,000 and 10,000 containers')
  .option('--other <folder>', 'for compare: a checkout of another version, built')
  .option('--pairs <n>', 'for compare: how many pairs of processes', positiveInteger, 7)
  .option('--json', 'print one JSON object on stdout instead of tables')
  .argument('[part]', `measure only this part: ${Object.keys(parts).join(', ')}`)
  .action(async (part: string | undefined, options: Options) => {
    const log: Print = (text) => process.stderr.write(`${text}\n`);
    const print: Print = options.json ? log : console.log;
    if (part !== undefined && !Object.hasOwn(parts, part))
      throw new Error(`unknown benchmark "${part}"; known: ${Object.keys(parts).join(', ')}. Leave it out to run everything.`);
    const result = part === undefined ? await benchAll(options, log) : await parts[part]!(print, options);
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else if (part === undefined) process.stdout.write(printReport(result as Report));
  });

async function benchAll(options: Options, log: Print) {
  const lines = await measureAll(options, log);
  const scaling = options.scaling ? await measureScaling(log) : [];
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
