/** What can be wrong with an XOR chunk, by its number in assembly/fault.ts; 0 = nothing. */
export const faultTexts = [
  'nothing',
  'a chunk ends before its samples do',
  'a chunk has a value of more than 64 bits',
  'samples go back in time',
  'a sample has an impossible time',
  'too many samples of chunks that overlap',
] as const;

export const faults = { none: 0, truncated: 1, width: 2, order: 3, time: 4, overlap: 5 } as const;
export type Fault = (typeof faults)[keyof typeof faults];
