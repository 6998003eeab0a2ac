import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { findProgram } from './find-program.js';
import { ensureInstalled } from './install.js';
import { runCommand } from './run-command.js';
import { makeTempFolder, removeTempFolder } from './temp-folder.js';

/**
 * Loads OpenMetrics text from a file (also `.gz`) or a stream into the data folder of a Prometheus that is not running.
 * promtool reads its file several times, so a stream or a compressed file is written to a temporary file first.
 */
export async function loadOpenMetrics(source: string | Readable, dataDir: string): Promise<void> {
  await ensureInstalled({ prometheus: true });
  if (typeof source === 'string' && !source.endsWith('.gz')) return createBlocks(source, dataDir);
  const folder = makeTempFolder('open-metrics');
  try {
    const file = join(folder, 'metrics.om');
    if (typeof source === 'string') await pipeline(createReadStream(source), createGunzip(), createWriteStream(file));
    else await pipeline(source, createWriteStream(file));
    await createBlocks(file, dataDir);
  } finally {
    removeTempFolder(folder);
  }
}

/** Uses blocks of 486 h, the maximum of Prometheus itself. promtool's default of two hours takes minutes. */
async function createBlocks(file: string, dataDir: string): Promise<void> {
  await runCommand(findProgram('promtool')!, [
    'tsdb',
    'create-blocks-from',
    'openmetrics',
    '--quiet',
    '--max-block-duration=486h',
    file,
    dataDir,
  ]);
}
