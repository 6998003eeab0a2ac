import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Every document of the project, by its path. */
export const pages: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'manifests/README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true })
    .map((name) => join('docs', String(name)))
    .filter((path) => path.endsWith('.md'))
    .sort(),
];

export const readPage = (path: string) => readFileSync(join(root, path), 'utf8');

/** A fenced block of code. */
export interface CodeBlock {
  readonly page: string;
  /** Line of its first line of code, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** The next block of the same section. */
  readonly next?: CodeBlock;
}

/** The blocks of a page in order. */
export function codeBlocks(page: string, text = readPage(page)): CodeBlock[] {
  const blocks: { -readonly [Key in keyof CodeBlock]: CodeBlock[Key] }[] = [];
  let open: { line: number; language: string; lines: string[] } | undefined;
  let isSameSection = false;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^\s*```\s*(\w*)/.exec(line);
    if (open && fence) {
      const block = { page, line: open.line, language: open.language, text: open.lines.join('\n') };
      const before = blocks.at(-1);
      if (before && isSameSection) before.next = block;
      blocks.push(block);
      open = undefined;
      isSameSection = true;
    } else if (open) {
      open.lines.push(line);
    } else if (fence) {
      open = { line: index + 2, language: fence[1]!, lines: [] };
    } else if (/^#+ /.test(line)) {
      isSameSection = false;
    }
  }
  return blocks;
}

/** The text without its code blocks. */
const prose = (text: string) => text.replaceAll(/^\s*```[\s\S]*?^\s*```\s*$/gm, '');

/** The anchors that GitHub gives to the headings of a page. */
export function anchors(text: string): Set<string> {
  const seen = new Map<string, number>();
  const found = new Set<string>();
  for (const [, heading] of prose(text).matchAll(/^#+ (.*)$/gm)) {
    const slug = heading!
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-');
    const repeats = seen.get(slug) ?? 0;
    seen.set(slug, repeats + 1);
    found.add(repeats === 0 ? slug : `${slug}-${repeats}`);
  }
  return found;
}

/** A link of a page to another document or heading of the project: where it leads, from the project's root. */
export interface LocalLink {
  readonly link: string;
  readonly path: string;
  readonly anchor?: string;
}

export function localLinks(page: string, text = readPage(page)): LocalLink[] {
  const links = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  return links
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [file, anchor] = link.split('#') as [string, string?];
      return { link, path: file === '' ? page : join(dirname(page), file), anchor };
    });
}

/** The npm scripts that the blocks of a page call, such as `test:unit`, `start` or `run build`. */
export function npmCommands(page: string, text = readPage(page)): string[] {
  const commands = codeBlocks(page, text)
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => text.replaceAll(/(^|\s)#.*$/gm, ''));
  const inline = [...prose(text).matchAll(/`(npm [^`]+)`/g)].map(([, command]) => command!);
  return [...commands, ...inline].flatMap((command) => [...command.matchAll(/\bnpm (run [\w:-]+|[a-z]+)/g)].map(([, name]) => name!));
}
