import type { WindowBlock } from './window-block.js';

/** What is written of one experiment. */
export interface WindowWrite {
  /** A UUID. */
  readonly key: string;
  /** Replace those of the same number; none = it was only used. */
  readonly blocks: readonly WindowBlock[];
  /** Whether blocks that are not named go. */
  readonly replacesAll: boolean;
  /** Blocks before this one are not needed any more. */
  readonly firstBlock: number;
}

/** Both writes of one experiment in one. */
export function joinWrites(earlier: WindowWrite, later: WindowWrite): WindowWrite {
  if (later.replacesAll) return later;
  const kept = earlier.blocks.filter(({ number }) => !later.blocks.some((block) => block.number === number));
  const firstBlock = Math.max(earlier.firstBlock, later.firstBlock);
  return { key: later.key, blocks: [...kept, ...later.blocks], replacesAll: earlier.replacesAll, firstBlock };
}

/** Bytes of a write's blocks. */
export function sizeOf({ blocks }: WindowWrite): number {
  return blocks.reduce((sum, { data }) => sum + data.length, 0);
}
