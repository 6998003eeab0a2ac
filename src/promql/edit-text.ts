/** Replaces the text between two positions; from = to inserts. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Applies edits that do not overlap; their order does not matter, except that insertions at one place keep it. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let edited = '';
  let position = 0;
  for (const edit of [...edits].sort((a, b) => a.from - b.from || a.to - b.to)) {
    edited += text.slice(position, edit.from) + edit.text;
    position = edit.to;
  }
  return edited + text.slice(position);
}
