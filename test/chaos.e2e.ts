import { describe, expect, it } from '@jest/globals';
import { runChaos } from './chaos/chaos.js';

// `npm run test:chaos -- --seed N --kills N` runs longer and with other seeds.
const seed = 7;
const well = { lost: [], twice: [], stuck: [] };

describe('killed workers and failing servers', () => {
  it.each(['postgres', 'redis'] as const)(
    'lose nothing, repeat nothing and leave nothing stuck, with the queue on %s',
    async (queue) => {
      const result = await runChaos({ seed, kills: 4, queue });
      expect(result).toMatchObject(well);
      expect(result.kills).toBeGreaterThanOrEqual(4);
      expect(result.jobs).toBeGreaterThan(0);
    },
    600_000,
  );
});

describe('the checks of the chaos test', () => {
  it.each([
    ['publish-before-commit', 'twice'],
    ['mark-before-ack', 'lost'],
    ['unguarded-finalise', 'stuck'],
    ['lease-not-checked', 'twice'],
  ] as const)(
    'find the planted fault %s',
    async (plantedFault, kind) => {
      const result = await runChaos({ seed, kills: 2, queue: 'postgres', plantedFault });
      expect(result[kind]).not.toEqual([]);
    },
    600_000,
  );
});
