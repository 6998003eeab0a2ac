/**
 * Cuts items into batches of at most `maxBytes`, in their order. An item that is larger by itself stands alone, so that it can't fail its
 * neighbours.
 */
export function cutBatches<Item>(items: readonly Item[], bytesOf: (item: Item) => number, maxBytes: number): Item[][] {
  const batches: Item[][] = [];
  let filled = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const bytes = bytesOf(item);
    if (filled + bytes > maxBytes) {
      batches.push([]);
      filled = 0;
    }
    batches.at(-1)!.push(item);
    filled += bytes;
  }
  return batches;
}
