/** A number from 0 (inclusive) to 1 (exclusive) that depends only on the two integers (finalizer of MurmurHash3). */
export function randomAt(seed: number, index: number): number {
  let hash = (seed ^ Math.imul(index, 0x9e3779b1)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}

/** Derives a seed for a name (FNV-1a). */
export function seedOf(seed: number, name: string): number {
  let hash = seed ^ 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash | 0;
}

/** A suffix of `length` lower-case letters and digits, like those of Kubernetes' generated names. */
export function randomSuffix(seed: number, length: number): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789';
  return Array.from({ length }, (_, i) => letters[Math.floor(randomAt(seed, i) * letters.length)]).join('');
}
