import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { recommend } from '../recommendation/recommend.js';
import { describeExperiment } from '../recommendation/recommendations.js';
import { explain } from '../usage-file/explain.js';
import { UsageFileError } from '../usage-file/json-value.js';
import { readUsageFile } from '../usage-file/read-usage-file.js';

/**
 * Writes one line of compact JSON for each file (`-` = stdin) to stdout, in their order: the generateRecommendations array, or the error
 * envelope for a bad file. Answers the exit status: 1 where any file was bad.
 */
export async function recommendFiles(files: readonly string[], { explain: isExplained }: { explain: boolean }): Promise<0 | 1> {
  let status: 0 | 1 = 0;
  for (const name of files) {
    try {
      const file = readUsageFile(parse(await readText(name)));
      const answer = JSON.stringify([describeExperiment(file.subject, recommend(file.usage, file.settings, file.evidence))]);
      if (isExplained) process.stderr.write(`${[`${name}:`, ...explain(file)].join('\n')}\n`);
      process.stdout.write(`${answer}\n`);
    } catch (error) {
      process.stdout.write(`${JSON.stringify(describeFailure(name, error))}\n`);
      status = 1;
    }
  }
  return status;
}

async function readText(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new FileError(`cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new FileError(`is not JSON (${(error as Error).message})`);
  }
}

/** A file cannot be read, or its text is not JSON. */
export class FileError extends Error {
  constructor(fault: string) {
    super(fault);
    this.name = 'FileError';
  }
}

/** Kruize's error envelope: a bad file is 400 like a bad request, anything else is a fault of ours (spec: recommendations.md 10.5). */
export function describeFailure(file: string, error: unknown): object {
  const isInput = error instanceof FileError || error instanceof UsageFileError;
  const message = error instanceof Error ? error.message : String(error);
  return { message: `${file}: ${message}`, httpcode: isInput ? 400 : 500, documentationLink: '', status: 'ERROR' };
}
