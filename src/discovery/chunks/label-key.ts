export type Labels = Readonly<Record<string, string>>;

/** One text for the values of these labels; a label that is missing is one that is empty, as in PromQL. */
export function labelKey(labels: Labels, names: readonly string[]): string {
  return JSON.stringify(names.map((name) => labels[name] ?? ''));
}
