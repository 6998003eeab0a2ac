/** What is wrong with a chunk; the texts are in decode/faults.ts. */
export enum Fault {
  None = 0,
  /** It ends before its samples do. */
  Truncated = 1,
  /** A value of more than 64 bits. */
  Width = 2,
  /** Its samples, or the chunks of a series, go back in time. */
  Order = 3,
  /** A time that is none: 2^53 ms or more from 1970. */
  Time = 4,
  /** Too many samples of chunks that overlap. */
  Overlap = 5,
}
