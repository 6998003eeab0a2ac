// Writes a generated cluster to a folder as Prometheus TSDB blocks, for docker-compose.yml. Does nothing if the folder already has blocks.
// The data cover 15 days up to now. Workloads that run now continue for another week, so that jobs find them during that time.
import { chown, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { buildBlocks } from '../test/cluster/cluster-blocks.js';
import { planCluster } from '../test/cluster/plan-cluster.js';

const hourSeconds = 3600;
const weekSeconds = 7 * 24 * hourSeconds;

const command = new Command('write-cluster')
  .argument('<folder>', 'data folder of a Prometheus that is not running')
  .option('--containers <number>', 'number of containers in the cluster', wholeNumber, 40)
  .option('--owner <uid>', 'user ID of Prometheus, which becomes the owner of the blocks', wholeNumber)
  .parse();
const [folder] = command.processedArgs as [string];
const { containers, owner } = command.opts<{ containers: number; owner?: number }>();

if ((await blocksIn(folder)).length > 0) {
  console.error(`${folder} already has blocks: nothing to do`);
} else {
  const endSeconds = Math.floor(Date.now() / 1000 / hourSeconds) * hourSeconds;
  const options = { containers, days: 15, scrapeSeconds: 300, endSeconds, seed: 1, tailSeconds: weekSeconds };
  console.error(`Generating ${containers} containers …`);
  // Moves the blocks to the folder only when all are complete, because a partly filled folder looks complete.
  const unfinished = join(folder, 'unfinished');
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  await buildBlocks(planCluster(options), options, unfinished);
  for (const block of await blocksIn(unfinished)) await rename(join(unfinished, block), join(folder, block));
  await rm(unfinished, { recursive: true });
  console.error(`${folder} has ${(await blocksIn(folder)).length} blocks`);
}
if (owner !== undefined) await changeOwner(owner, folder);

/** The blocks in a folder. Their names are ULIDs. */
async function blocksIn(path: string): Promise<string[]> {
  const names = await readdir(path).catch(() => []);
  return names.filter((name) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(name));
}

async function changeOwner(uid: number, path: string): Promise<void> {
  await chown(path, uid, uid);
  const entries = await readdir(path, { recursive: true });
  for (const entry of entries) await chown(join(path, entry), uid, uid);
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('expected a whole number above 0');
  return Number(text);
}
