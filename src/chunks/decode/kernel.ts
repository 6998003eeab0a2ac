import type { Fault } from './faults.js';

/** Turns the chunks of one series after the other into windows. What it needs of memory does not grow with the series. */
export interface Kernel {
  /** Room for a frame of so many bytes; what it gave before is lost. */
  roomFor(bytes: number): Uint8Array;
  /** A series of this question begins. */
  open(question: number): void;
  /** The next XOR chunk of the series: `length` bytes at `offset` of the room. After a fault the series is of no use. */
  add(offset: number, length: number): Fault;
  /** The series ends. The columns are those of the question's windows; they hold until the next `open` or `roomFor`. */
  close(): FilledColumns;
  /** All series are read: another kernel may have the memory. */
  free(): void;
}

/** One column of the grid's rows for each of the windows; NaN outside [firstRow, endRow). */
export interface FilledColumns {
  readonly values: readonly Float64Array[];
  readonly firstRow: number;
  readonly endRow: number;
}
