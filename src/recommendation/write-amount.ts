/** An amount as people read it: cores as they are, bytes with their size in MiB. */
export function writeAmount(amount: number, format: string): string {
  if (format !== 'bytes') return `${amount} ${format || 'of unknown format'}`;
  return `${amount} bytes (${(amount / (1024 * 1024)).toFixed(1)} MiB)`;
}
