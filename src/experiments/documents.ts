import { deflateRawSync } from 'node:zlib';

/** Top-level sections of a job's document, in the order they are written. */
export const sections = ['summary', 'experiments', 'webhook', 'metadata'] as const;
export type Section = (typeof sections)[number];

/** Field names picked of a section; `all` = the whole section. */
type Fields = ReadonlySet<string> | 'all';

/** What `include` and `exclude` ask for, in the grammar of GET /bulk (spec: bulk-and-kafka.md 2.2, 2.3; contract: GET /bulk). */
export interface Selection {
  readonly included: ReadonlyMap<Section, Fields>;
  readonly excluded: ReadonlyMap<Section, Fields>;
}

/** Sections whose fields can be named; the others are taken or left whole. */
const sectionsWithFields = ['summary', 'experiments'] as const;
/** Members of an experiment that are filtered inside; everything below other members is kept as it is. */
const filteredInside = new Set(['apis', 'create', 'recommendations']);

/** Reads the two parameters. `include` absent = `summary`; only commas = every section, so that `exclude` has something to leave out. */
export function parseSelection(include = 'summary', exclude = ''): Selection {
  const namesNothing = include !== '' && include.split(',').every((item) => item === '');
  return { included: readItems(namesNothing ? sections.join(',') : include), excluded: readItems(exclude) };
}

/** Whether anything of the section is asked for. */
export function isSelected(selection: Selection, section: Section): boolean {
  return selection.included.has(section) && selection.excluded.get(section) !== 'all';
}

/** The asked part of a section's value; for `experiments` the value is one experiment. */
export function selectFields(selection: Selection, section: Section, value: object): object {
  const kept = pick(value, selection.included.get(section) ?? 'all', section);
  const dropped = selection.excluded.get(section);
  return dropped === undefined || dropped === 'all' ? kept : omit(kept, dropped);
}

function readItems(text: string): Map<Section, Fields> {
  const read = new Map<Section, Fields>();
  for (const item of text.split(',')) {
    const section = sectionsWithFields.find((name) => item.startsWith(name)) ?? sections.find((name) => item === name);
    if (!section) continue;
    const fields = item.startsWith(`${section}|`) ? item.slice(section.length + 1).split('|') : undefined;
    const before = read.get(section);
    read.set(section, fields === undefined || before === 'all' ? 'all' : new Set([...(before ?? []), ...fields]));
  }
  return read;
}

function pick(value: object, fields: Fields, section: Section): object {
  if (fields === 'all') return value;
  const picked = Object.entries(value).filter(([name]) => fields.has(name));
  if (section === 'summary') return Object.fromEntries(picked);
  return Object.fromEntries(
    picked.map(([name, member]) => [name, filteredInside.has(name) && isObject(member) ? pick(member, fields, section) : member]),
  );
}

/** Leaves out each named field; of a named field with named members only those members go (`apis|create|request`). */
function omit(value: object, fields: ReadonlySet<string>): object {
  const kept = Object.entries(value).flatMap(([name, member]) => {
    if (!filteredInside.has(name) || !isObject(member)) return fields.has(name) ? [] : [[name, member]];
    const goesWhole = fields.has(name) && !namesMemberOf(member, fields);
    return goesWhole ? [] : [[name, omit(member, fields)]];
  });
  return Object.fromEntries(kept);
}

function namesMemberOf(value: object, fields: ReadonlySet<string>): boolean {
  return Object.entries(value).some(
    ([name, member]) => fields.has(name) || (filteredInside.has(name) && isObject(member) && namesMemberOf(member, fields)),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

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

/** A fifth of the text in a third of the default level's time; with a window that the text fits into, where the default one costs more to set up than to use. */
const packing = { level: 1, windowBits: 14, memLevel: 6, chunkSize: 4_096 };

/** The bytes in which a rendered recommendation is kept; called in measuring threads, where nobody waits for the next turn. */
export function packRecommendation(json: string): Buffer {
  return deflateRawSync(json, packing);
}
