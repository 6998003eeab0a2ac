// Fills a folder with a generated cluster as blocks of Prometheus' database, unless it holds blocks already: for docker-compose.yml.
// 15 days up to now; what runs now goes on for another week, so that jobs find it as long.
import { chown, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { buildBlocks } from '../test/cluster/cluster-blocks.js';
import { planCluster } from '../test/cluster/plan-cluster.js';

const hourSeconds = 3600;
const weekSeconds = 7 * 24 * hourSeconds;

const command = new Command('write-cluster')
  .argument('<folder>', 'data folder of a Prometheus that does not run')
  .option('--containers <number>', 'how many containers the cluster has', wholeNumber, 40)
  .option('--owner <uid>', 'user that Prometheus runs as; the blocks are given to it', wholeNumber)
  .parse();
const [folder] = command.processedArgs as [string];
const { containers, owner } = command.opts<{ containers: number; owner?: number }>();

if ((await blocksIn(folder)).length > 0) {
  console.error(`${folder} has blocks already: nothing to do`);
} else {
  const endSeconds = Math.floor(Date.now() / 1000 / hourSeconds) * hourSeconds;
  const options = { containers, days: 15, scrapeSeconds: 300, endSeconds, seed: 1, tailSeconds: weekSeconds };
  console.error(`Generating ${containers} containers …`);
  // Blocks come into the folder when all are made: a half-filled one would look like a full one.
  const unfinished = join(folder, 'unfinished');
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  await buildBlocks(planCluster(options), options, unfinished);
  for (const block of await blocksIn(unfinished)) await rename(join(unfinished, block), join(folder, block));
  await rm(unfinished, { recursive: true });
  console.error(`${folder} has ${(await blocksIn(folder)).length} blocks`);
}
if (owner !== undefined) await giveTo(owner, folder);

/** Blocks are named by ULIDs. */
async function blocksIn(path: string): Promise<string[]> {
  const names = await readdir(path).catch(() => []);
  return names.filter((name) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(name));
}

async function giveTo(uid: number, path: string): Promise<void> {
  await chown(path, uid, uid);
  const entries = await readdir(path, { recursive: true });
  for (const entry of entries) await chown(join(path, entry), uid, uid);
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('expected a whole number above 0');
  return Number(text);
}
