/** JSON text that was rendered before and is put into a document as it is. */
export class RawJson {
  constructor(readonly text: string) {}
}

/** Compact JSON like JSON.stringify, with RawJson spliced in; `undefined` and `null` members are left out, as the reference does. */
export function renderJson(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map(renderJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined && member !== null)
    .map(([key, member]) => `${JSON.stringify(key)}:${renderJson(member)}`);
  return `{${members.join(',')}}`;
}
