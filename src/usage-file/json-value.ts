/** A JSON value by its path, for messages. */
export interface JsonValue {
  readonly field: string;
  readonly value: unknown;
}

/** Member of an object, at `<field>.<name>`; undefined and null are both "not given". */
export function member(object: Readonly<Record<string, unknown>>, field: string, name: string): JsonValue {
  return { field: field === '' ? name : `${field}.${name}`, value: Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined };
}

export function isGiven({ value }: JsonValue): boolean {
  return value !== undefined && value !== null;
}

/** The value as an object, else an input error; so do the following. `known`: the only members it may have. */
export function objectOf({ field, value }: JsonValue, known?: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UsageFileError(field, 'expected an object');
  const stranger = known && Object.keys(value).find((name) => !known.includes(name));
  if (stranger !== undefined) throw new UsageFileError(field === '' ? stranger : `${field}.${stranger}`, 'unknown field');
  return value as Record<string, unknown>;
}

export function listOf({ field, value }: JsonValue): JsonValue[] {
  if (!Array.isArray(value)) throw new UsageFileError(field, 'expected a list');
  return value.map((item: unknown, at) => ({ field: `${field}.${at}`, value: item }));
}

export function textOf({ field, value }: JsonValue): string {
  if (typeof value !== 'string' || value.trim() === '') throw new UsageFileError(field, 'expected a text that is not empty');
  return value;
}

/** A number that fulfils `holds`, which `rule` says in words. */
export function numberOf({ field, value }: JsonValue, rule: string, holds: (number: number) => boolean): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || !holds(value)) throw new UsageFileError(field, `expected ${rule}`);
  return value;
}

/** A name that becomes a key of the answer: letters and digits first, so that no name of JavaScript's own (`__proto__`) can come in. */
export function nameOf(json: JsonValue): string {
  const name = textOf(json);
  if (!/^[\p{L}\p{N}][\p{L}\p{N} _.()-]{0,62}$/u.test(name)) {
    throw new UsageFileError(json.field, 'expected a name of at most 63 letters, digits, spaces and _ . - ( )');
  }
  return name;
}

/** Members of an object by name, for messages with their path. */
export type Fields = (name: string) => JsonValue;

export function fieldsOf(object: Readonly<Record<string, unknown>>, field: string): Fields {
  return (name) => member(object, field, name);
}

/** A usage file that cannot be read; `field` is the path of the faulty member. */
export class UsageFileError extends Error {
  constructor(
    readonly field: string,
    readonly fault: string,
  ) {
    super(field === '' ? fault : `${field}: ${fault}`);
    this.name = 'UsageFileError';
  }
}
