import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { recommend } from '../recommendation/recommend.js';
import { describeExperiment } from '../recommendation/recommendations.js';
import { explain } from '../usage-file/explain.js';
import { readUsageFile } from '../usage-file/read-usage-file.js';
import { UsageFileError } from '../usage-file/read-usage-series.js';

/**
 * Writes one line of compact JSON per file (`-` is stdin) to stdout, in order: the array of Kruize's generateRecommendations, or the error envelope
 * for an invalid file. Returns the exit status: 1 if any file was invalid.
 */
export async function recommendFiles(files: readonly string[], { explain: isExplained }: { explain: boolean }): Promise<0 | 1> {
  let status: 0 | 1 = 0;
  for (const name of files) {
    try {
      const file = readUsageFile(parse(await readText(name)));
      const line = JSON.stringify([describeExperiment(file.subject, recommend(file.usage, file.settings, file.evidence))]);
      if (isExplained) process.stderr.write(`${[`${name}:`, ...explain(file)].join('\n')}\n`);
      process.stdout.write(`${line}\n`);
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
    throw new UsageFileError('', `cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UsageFileError('', `is not JSON (${(error as Error).message})`);
  }
}

/** Returns Kruize's error envelope: 400 for an invalid file, as for an invalid request; 500 for anything else, which is a bug. */
export function describeFailure(file: string, error: unknown): object {
  const message = error instanceof Error ? error.message : String(error);
  return { message: `${file}: ${message}`, httpcode: error instanceof UsageFileError ? 400 : 500, documentationLink: '', status: 'ERROR' };
}
