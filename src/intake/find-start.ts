import type { Position } from './position-rows.js';
import type { InitialOffset } from './trigger.js';

/** What Kafka knows about a partition and a group. */
export interface PartitionOffsets {
  /** Offset of the oldest record that still exists. */
  readonly low: bigint;
  /** Offset after the newest record. */
  readonly high: bigint;
  /** Offset that the group committed; absent if it has none. */
  readonly committed?: bigint;
  /** Offset of the first record that is not older than a time in Unix milliseconds; `high` if there is none. */
  readonly atTime: (timeMs: number) => Promise<bigint>;
}

/** Where to begin to read a partition. */
export interface Start {
  readonly offset: bigint;
  /** Whether the group's position is replaced by this offset. */
  readonly replaces: boolean;
  /** What users must know: records that were lost, or a topic that was made anew. */
  readonly warning?: string;
}

/**
 * Finds where a group begins to read a partition: at its position in the database or at the offset that it committed in Kafka, whichever is larger. Without
 * both, and in a topic that was made anew, `initial` decides. Kafka forgets committed offsets when a topic is deleted; a position outlives them.
 */
export async function findStart(position: Position | undefined, offsets: PartitionOffsets, initial: InitialOffset): Promise<Start> {
  const { low, high, committed } = offsets;
  if (!position) {
    if (committed !== undefined) return { offset: within(committed, low, high), replaces: true };
    return { offset: await initialOffset(offsets, initial), replaces: true };
  }
  if (await isNewTopic(position, offsets)) {
    const offset = await initialOffset(offsets, initial);
    return { offset, replaces: true, warning: `The topic was made anew; reading begins at offset ${offset}, as the initial offset says.` };
  }
  if (high < position.nextOffset) {
    return {
      offset: high,
      replaces: true,
      warning: `Kafka lost the records from ${high} to ${position.nextOffset - 1n}; reading goes on with the next one.`,
    };
  }
  const offset = committed !== undefined && committed > position.nextOffset ? committed : position.nextOffset;
  if (offset < low) {
    return { offset: low, replaces: true, warning: `Kafka deleted the records from ${offset} to ${low - 1n} before they were read.` };
  }
  return { offset: within(offset, low, high), replaces: offset > position.nextOffset };
}

/** Whether the topic is another one than that of the position: it is shorter, or one of its records that should be handled is newer than all that were. */
async function isNewTopic(
  { firstOffset, nextOffset, newestAt }: Position,
  { high, committed, atTime }: PartitionOffsets,
): Promise<boolean> {
  if (committed !== undefined) return false;
  if (high < nextOffset) return true;
  if (!newestAt || firstOffset === nextOffset) return false;
  const newer = await atTime(newestAt.getTime() + 1);
  return newer >= firstOffset && newer < nextOffset;
}

async function initialOffset({ low, high, atTime }: PartitionOffsets, initial: InitialOffset): Promise<bigint> {
  if (initial === 'earliest') return low;
  return initial === 'latest' ? high : atTime(initial);
}

function within(offset: bigint, low: bigint, high: bigint): bigint {
  if (offset < low) return low;
  return offset > high ? high : offset;
}
