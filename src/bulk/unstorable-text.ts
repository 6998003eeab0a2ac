/** The paths of texts, member names among them, that PostgreSQL cannot keep: those with U+0000 or half a surrogate pair. */
export function unstorableText(value: unknown, path = ''): string[] {
  if (typeof value === 'string') return isStorable(value) ? [] : [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const inside = path === '' ? name : `${path}.${name}`;
    return isStorable(name) ? unstorableText(member, inside) : [inside];
  });
}

/** Whether PostgreSQL takes the text as `text` and inside `jsonb`. */
export function isStorable(text: string): boolean {
  return !/\0|\p{Surrogate}/u.test(text);
}
