import { deflateRawSync } from 'node:zlib';

/** Top-level sections of a job's document, in the order they are written. */
export const sections = ['summary', 'experiments', 'webhook', 'metadata'] as const;
export type Section = (typeof sections)[number];

/** Selected field names of a section; `all` = the complete section. */
type Fields = ReadonlySet<string> | 'all';

/** The parts that the `include` and `exclude` parameters of GET /bulk select (Kruize: design/BulkAPI.md). */
export interface Selection {
  readonly included: ReadonlyMap<Section, Fields>;
  readonly excluded: ReadonlyMap<Section, Fields>;
}

/** Sections whose fields can be selected; other sections are included or excluded completely. */
const sectionsWithFields = ['summary', 'experiments'] as const;
/** Members of an experiment whose own members are filtered too; other members are kept or dropped completely. */
const filteredMembers = new Set(['apis', 'create', 'recommendations']);

/** Parses the two parameters. `include` defaults to `summary`; only commas = all sections, from which `exclude` can drop some. */
export function parseSelection(include = 'summary', exclude = ''): Selection {
  const namesNothing = include !== '' && include.split(',').every((item) => item === '');
  return { included: readItems(namesNothing ? sections.join(',') : include), excluded: readItems(exclude) };
}

/** Whether any part of the section is selected. */
export function isSelected(selection: Selection, section: Section): boolean {
  return selection.included.has(section) && selection.excluded.get(section) !== 'all';
}

/** The selected part of a section; for `experiments`, `value` is one experiment. */
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
    picked.map(([name, member]) => [name, filteredMembers.has(name) && isObject(member) ? pick(member, fields, section) : member]),
  );
}

/** Drops the named fields. If members of a named field are named too, drops only those members (`apis|create|request`). */
function omit(value: object, fields: ReadonlySet<string>): object {
  const kept = Object.entries(value).flatMap(([name, member]) => {
    if (!filteredMembers.has(name) || !isObject(member)) return fields.has(name) ? [] : [[name, member]];
    const isDropped = fields.has(name) && !namesMemberOf(member, fields);
    return isDropped ? [] : [[name, omit(member, fields)]];
  });
  return Object.fromEntries(kept);
}

function namesMemberOf(value: object, fields: ReadonlySet<string>): boolean {
  return Object.entries(value).some(
    ([name, member]) => fields.has(name) || (filteredMembers.has(name) && isObject(member) && namesMemberOf(member, fields)),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Rendered JSON text that is inserted into a document unchanged. */
export class RawJson {
  constructor(readonly text: string) {}
}

/** Renders compact JSON like JSON.stringify, but inserts RawJson and, as Kruize does, leaves out `undefined` and `null` members. */
export function renderJson(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map(renderJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined && member !== null)
    .map(([key, member]) => `${JSON.stringify(key)}:${renderJson(member)}`);
  return `{${members.join(',')}}`;
}

/** Level 1 compresses to a fifth of the text in a third of the default level's time. A window of the text's size costs less to set up than the default one. */
const packing = { level: 1, windowBits: 14, memLevel: 6, chunkSize: 4_096 };

/** Compresses a rendered recommendation for storage. Synchronous, because it runs in measuring threads, where blocking delays no request. */
export function packRecommendation(json: string): Buffer {
  return deflateRawSync(json, packing);
}
