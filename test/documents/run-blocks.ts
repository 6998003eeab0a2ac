import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../servers/find-program.js';
import { makeTempFolder } from '../servers/temp-folder.js';
import { type CodeBlock, root } from './pages.js';

/** How a block ended; `status` is undefined when an earlier block of its page failed, so that it was not run. */
export interface BlockResult {
  readonly block: CodeBlock;
  readonly status?: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Texts of the documents and what they become here, such as `localhost:8080` and the address of the service that was started. */
export type Replacements = readonly (readonly [text: string, replacement: string])[];

export function replaceAll(text: string, replacements: Replacements): string {
  return replacements.reduce((replaced, [from, to]) => replaced.replaceAll(from, to), text);
}

/**
 * Runs blocks of one page in order in one bash, so that later ones see the variables of earlier ones. The first command that fails ends it.
 * The folder has the checkout's build and packages; files that the blocks write stay in it.
 */
export async function runBlocks(blocks: readonly CodeBlock[], replacements: Replacements): Promise<BlockResult[]> {
  const folder = makeTempFolder('documents');
  for (const name of ['dist', 'node_modules', 'config', 'package.json']) symlinkSync(join(root, name), join(folder, name));
  const outputs = blocks.map((_, index) => [join(folder, `${index}.out`), join(folder, `${index}.err`)] as const);
  const script = [
    'set -eu -o pipefail',
    ...blocks.flatMap(({ text }, index) => [`exec >'${outputs[index]![0]}' 2>'${outputs[index]![1]}'`, replaceAll(text, replacements)]),
  ].join('\n');
  const env = { ...process.env, NODE_OPTIONS: '', PATH: `${standIns(folder)}:${process.env.PATH}` };
  const status = await new Promise<number>((resolve, reject) => {
    const child = spawn('bash', ['-c', script], { cwd: folder, env, stdio: ['ignore', 'ignore', 'ignore'], timeout: 200_000 });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? -1));
  });
  const read = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  return blocks.map((block, index) => {
    const isStarted = existsSync(outputs[index]![0]);
    const isPassed = index + 1 < blocks.length ? existsSync(outputs[index + 1]![0]) : status === 0;
    return {
      block,
      ...(isStarted && { status: isPassed ? 0 : status }),
      stdout: read(outputs[index]![0]),
      stderr: read(outputs[index]![1]),
    };
  });
}

/** A folder for PATH with the Kafka consumers that this machine does not have. */
function standIns(folder: string): string {
  const programs = join(folder, 'programs');
  mkdirSync(programs);
  const consumer = fileURLToPath(new URL('console-consumer.mjs', import.meta.url));
  for (const name of ['kafka-console-consumer.sh', 'kcat']) if (!findProgram(name)) symlinkSync(consumer, join(programs, name));
  return programs;
}

/**
 * Where a JSON value lacks what an example shows: members that are missing or of another type, and names, messages and codes that differ. Keys that are instants
 * stand for any key. Of an array the first item counts.
 */
export function missingFrom(example: unknown, actual: unknown, path = '$'): string[] {
  if (typeOf(example) !== typeOf(actual)) return [`${path}: ${typeOf(actual)} instead of ${typeOf(example)}`];
  if (Array.isArray(example)) return example.length === 0 ? [] : missingFrom(example[0], (actual as unknown[])[0], `${path}[0]`);
  if (typeOf(example) === 'object') {
    const members = actual as Record<string, unknown>;
    return Object.entries(example as object).flatMap(([key, value]) => {
      const found = isInstant(key) ? Object.keys(members).find(isInstant) : key;
      return found !== undefined && found in members ? missingFrom(value, members[found], `${path}.${key}`) : [`${path}.${key}: missing`];
    });
  }
  const isExact = /\.(message|httpcode|code|format|provider|duration_in_hours|name|namespace|container_name)$/.test(path);
  return isExact && example !== actual ? [`${path}: ${String(actual)} instead of ${String(example)}`] : [];
}

const isInstant = (key: string) => /^\d{4}-\d\d-\d\dT/.test(key);

function typeOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}
