import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { type PostgresServer, startPostgres } from '../servers/postgres.js';
import { makeTempFolder, removeTempFolder } from '../servers/temp-folder.js';
import { findMutants, type Mutant } from './find-mutants.js';

const help = `npm run test:mutants [-- --area NAME] [--file TEXT] [--part N/M] [--list]

Plants one small fault after the other into a copy of the source and runs the fast tests that see it. A fault that no test notices survives;
each survivor needs a reason in test/mutants/survivors.json. Areas: bulk, experiments, publication, windows, engine. Default: all of them.
--file runs those of files whose path holds the text; --part 1/4 runs every fourth mutant; --list only lists them. Ends with 1 when a survivor has no reason.
`;

const root = fileURLToPath(new URL('../../', import.meta.url));
const atOnce = 2;
/** A mutant whose tests take longer than this counts as detected: they hang. */
const longestMs = 120_000;

/** Files of each area. */
const areas: Readonly<Record<string, RegExp>> = {
  bulk: /^(bulk|rest)\/|^sizing\/bulk-request/,
  experiments: /^experiments\/|^sizing\/plan-experiments/,
  publication: /^publication\//,
  windows: /^usage\/cache\//,
  engine: /^recommendation\/(terms|sizing|usage-table|intervals)\.ts$/,
};

/** Suites on a real PostgreSQL that cover a file besides the unit tests; the first match counts. */
const suites: readonly (readonly [RegExp, readonly string[]])[] = [
  [/submit-job\.ts$/, ['submit-job']],
  [/(discover|shard|ending)-steps?\.ts$/, ['steps']],
  [/(step-runner|running-leases)\.ts$/, ['step-runner']],
  [/lease-rows\.ts$|bulk\/steps\.ts$/, ['leases', 'step-runner', 'steps']],
  [/(job|shard|experiment)-rows\.ts$|job-reader\.ts$/, ['job-rows', 'steps', 'leases']],
  [/window-store\.ts$/, ['window-rows']],
];

/** Files without decisions (wiring, rows, types), and requests that other suites check on the built service. */
const left = /\.spec\.ts$|\.entity\.ts$|\.module\.ts$|\.controller\.ts$|sizing\/thread\.ts$/;

/** Why mutants survive: those in these files whose line contains `line` and, if given, whose text becomes `after`. */
interface Reason {
  readonly files: readonly string[];
  readonly line: string;
  readonly after?: string;
  readonly reason: string;
}

const { values } = parseArgs({
  options: {
    area: { type: 'string' },
    file: { type: 'string', default: '' },
    part: { type: 'string', default: '1/1' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const [part = 1, parts = 1] = values.part.split('/').map(Number);
if (values.help || (values.area !== undefined && !areas[values.area]) || !(part >= 1 && part <= parts)) {
  process.stderr.write(help);
  process.exit(values.help ? 0 : 2);
}

const sources = (readdirSync(join(root, 'src'), { recursive: true }) as string[]).filter((file) => file.endsWith('.ts')).sort();
const wanted = Object.entries(areas).filter(([name]) => values.area === undefined || name === values.area);
const mutants = wanted
  .flatMap(([, files]) => sources.filter((file) => files.test(file) && !left.test(file) && file.includes(values.file)))
  .flatMap((file) => findMutants(`src/${file}`, readFileSync(join(root, 'src', file), 'utf8')))
  .filter((_, index) => index % parts === part - 1);
const reasons: Reason[] = JSON.parse(readFileSync(new URL('./survivors.json', import.meta.url), 'utf8'));

if (values.list) {
  for (const each of mutants) process.stdout.write(`${describe(each)}\n`);
  process.stdout.write(`mutants ${mutants.length}\n`);
  process.exit(0);
}
process.exit(await main());

async function main(): Promise<number> {
  const postgres = await startPostgres();
  const folders = Array.from({ length: atOnce }, (_, index) => copyTree(index));
  const survivors: Mutant[] = [];
  let done = 0;
  const queue = [...mutants];
  await Promise.all(
    folders.map(async (folder) => {
      for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
        const isKilled = await kills(mutant, folder, postgres);
        if (!isKilled) survivors.push(mutant);
        process.stdout.write(`${++done}/${mutants.length} ${isKilled ? 'killed  ' : 'SURVIVED'} ${describe(mutant)}\n`);
      }
    }),
  );
  for (const folder of folders) removeTempFolder(folder);
  await postgres.stop();
  return report(survivors);
}

/** A copy of the sources and tests for one mutant; packages are shared. */
function copyTree(index: number): string {
  const folder = makeTempFolder(`mutants-${index}`);
  for (const name of ['src', 'test', 'config', 'docs', 'package.json', 'tsconfig.json', 'jest.config.mjs']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(folder, 'dist'));
  return folder;
}

/** Runs the tests that cover a mutant, and restores the tree. */
async function kills(mutant: Mutant, folder: string, postgres: PostgresServer): Promise<boolean> {
  const file = join(folder, mutant.file);
  const original = readFileSync(file, 'utf8');
  writeFileSync(file, original.slice(0, mutant.start) + mutant.after + original.slice(mutant.end));
  try {
    const units = ['--selectProjects', 'unit', '--findRelatedTests', mutant.file];
    if (!(await passes(units, folder, postgres))) return true;
    const [, names = []] = suites.find(([files]) => files.test(mutant.file)) ?? [];
    for (const name of names) {
      if (!(await passes(['--selectProjects', 'e2e', '--runTestsByPath', `test/${name}.e2e.ts`], folder, postgres))) return true;
    }
    return false;
  } finally {
    writeFileSync(file, original);
  }
}

async function passes(args: readonly string[], folder: string, postgres: PostgresServer): Promise<boolean> {
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  const flags = ['--experimental-vm-modules', '--no-warnings', jest, '--bail', '--maxWorkers=1', '--forceExit', '--passWithNoTests'];
  const env = { ...process.env, DATABASE_URL: postgres.url, LOG_LEVEL: 'silent', STOP_AT_FAILURE: '1' };
  const child = spawn(process.execPath, [...flags, ...args], { cwd: folder, stdio: 'ignore', env });
  const timer = setTimeout(() => child.kill('SIGKILL'), longestMs);
  const code = await new Promise((ended) => child.once('exit', ended));
  clearTimeout(timer);
  return code === 0;
}

function report(survivors: readonly Mutant[]): number {
  const table = new Table({ head: ['where', 'rule', 'before', 'after', 'reason'], style: { head: [], border: [] } });
  const unexplained = survivors.filter((mutant) => reasonOf(mutant) === undefined);
  for (const mutant of survivors) {
    table.push([`${mutant.file}:${mutant.line}`, mutant.rule, short(mutant.before), short(mutant.after), reasonOf(mutant) ?? 'NONE']);
  }
  if (survivors.length > 0) process.stdout.write(`${table.toString()}\n`);
  process.stdout.write(
    `mutants ${mutants.length}: killed ${mutants.length - survivors.length}, survived ${survivors.length}, without a reason ${unexplained.length}\n`,
  );
  return unexplained.length > 0 ? 1 : 0;
}

function reasonOf(mutant: Mutant): string | undefined {
  const is = ({ files, line, after }: Reason) =>
    files.some((file) => mutant.file.endsWith(file)) && mutant.text.includes(line) && (after === undefined || mutant.after === after);
  return reasons.find(is)?.reason;
}

function describe({ file, line, rule, before, after }: Mutant): string {
  return `${relative('.', file)}:${line} ${rule}: ${short(before)} -> ${short(after)}`;
}

function short(text: string): string {
  const flat = text.replaceAll(/\s+/g, ' ').trim();
  return flat.length > 60 ? `${flat.slice(0, 57)}…` : flat;
}
