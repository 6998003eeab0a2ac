/** A text as the inside of a PromQL string that stands between `quote`s (`"` or `'`). */
export function escapeString(text: string, quote = '"'): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(quote, `\\${quote}`);
}

/** A text as an RE2 expression that matches just this text. */
export function escapeRegex(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

/** A matcher for any of the values: equality for one, a regular expression for several (Prometheus anchors it). */
export function matchAnyOf(label: string, values: readonly string[]): string {
  const distinct = [...new Set(values)].sort();
  if (distinct.length === 1) return `${label}="${escapeString(distinct[0]!)}"`;
  return `${label}=~"${escapeString(distinct.map(escapeRegex).join('|'))}"`;
}
