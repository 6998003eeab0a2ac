import { parseArgs } from 'node:util';
import { runChaos } from './chaos.js';
import type { Violations } from './check-jobs.js';

const help = `npm run test:chaos -- --seed N --kills N [--queue postgres|redis] [--at STEP:POINT:SIGNAL] [--plant FAULT]

Kills workers at named points of their steps and breaks their servers, half of it with the queue on PostgreSQL and half on Redis, and checks that
nothing is lost, done twice or stuck. The same seed breaks the same points in the same order. Ends with 1 on a violation.
--at breaks at one point alone, such as publish:done:SIGTERM. --plant plants a fault into the workers, which must be found: publish-before-commit, mark-before-ack, unguarded-finalise, lease-not-checked.
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    kills: { type: 'string', default: '20' },
    queue: { type: 'string' },
    plant: { type: 'string' },
    at: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  process.stdout.write(help);
  process.exit(0);
}
const plants = ['publish-before-commit', 'mark-before-ack', 'unguarded-finalise', 'lease-not-checked'];
const [seed, kills] = [Number(values.seed), Number(values.kills)];
const isPlantUnknown = values.plant !== undefined && !plants.includes(values.plant);
if (
  isPlantUnknown ||
  !Number.isInteger(seed) ||
  !Number.isInteger(kills) ||
  kills < 1 ||
  !['postgres', 'redis', undefined].includes(values.queue)
) {
  process.stderr.write(help);
  process.exit(2);
}

const queues = values.queue ? [values.queue as 'postgres' | 'redis'] : (['postgres', 'redis'] as const);
const total = { kills: 0, lost: 0, twice: 0, stuck: 0 };
for (const [index, queue] of queues.entries()) {
  const share = Math.ceil((kills - total.kills) / (queues.length - index));
  if (share <= 0) continue;
  const onProgress = (line: string) => process.stdout.write(`${queue}: ${line}\n`);
  const result = await runChaos({ seed, kills: share, queue, plantedFault: values.plant, at: values.at, onProgress });
  process.stdout.write(`${queue}: ${result.jobs} jobs\n`);
  total.kills += result.kills;
  for (const kind of ['lost', 'twice', 'stuck'] as const satisfies readonly (keyof Violations)[]) {
    total[kind] += result[kind].length;
    for (const what of result[kind]) process.stdout.write(`${kind}: ${what}\n`);
  }
}
process.stdout.write(`kills ${total.kills}: lost ${total.lost}, twice ${total.twice}, stuck ${total.stuck}\n`);
process.exit(total.lost + total.twice + total.stuck > 0 ? 1 : 0);
