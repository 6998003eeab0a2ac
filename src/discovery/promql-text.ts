/** A PromQL string literal: Go's escapes (prometheus.io/docs/prometheus/latest/querying/basics/#string-literals). */
export function quoted(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
  const escaped = value.replace(/[\\"]/g, '\\$&').replace(/[\u0000-\u001f\u007f]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}

/** A matcher for exactly these values of a label. */
export function oneOf(label: string, values: readonly string[]): string {
  if (values.length === 1) return `${label}=${quoted(values[0] ?? '')}`;
  return `${label}=~${quoted(values.map((value) => value.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')).join('|'))}`;
}
