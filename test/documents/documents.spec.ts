import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { settingsSchema } from '../../src/settings/settings-schema.js';
import { anchors, codeBlocks, localLinks, npmCommands, pages, readPage, root } from './pages.js';
import { settingsPage } from './settings-page.js';

const isFile = (path: string) => existsSync(join(root, path)) && statSync(join(root, path)).isFile();

/** The links of a page that lead nowhere. */
function brokenLinks(page: string, text = readPage(page)): string[] {
  return localLinks(page, text)
    .filter(({ path, anchor }) => {
      if (!existsSync(join(root, path))) return true;
      if (anchor === undefined) return false;
      return !path.endsWith('.md') || !anchors(path === page ? text : readPage(path)).has(anchor);
    })
    .map(({ link }) => link);
}

const { scripts } = JSON.parse(readPage('package.json')) as { scripts: Record<string, string> };

/** npm commands of a page that do not exist. */
function unknownNpmCommands(page: string, text = readPage(page)): string[] {
  const known = new Set([
    'ci',
    'install',
    ...['start', 'test'].filter((name) => name in scripts),
    ...Object.keys(scripts).map((name) => `run ${name}`),
  ]);
  return npmCommands(page, text).filter((command) => !known.has(command));
}

/** Names of settings, in prose and before commands, that are not in the schema. */
function unknownSettings(text: string, page: string): string[] {
  const known = new Set(Object.keys(settingsSchema.shape));
  // Beside ours: variables of npm, of Node and of this project's tools, and of the examples.
  const others =
    /^(CI|NODE_OPTIONS|NODE_ENV|XDG_CACHE_HOME|JAVA_HOME|HTTPS?_PROXY|NO_PROXY|NODE_EXTRA_CA_CERTS|TMPDIR|DEBIAN_FRONTEND|JOB)$/;
  const states = /^(IN_PROGRESS|PUBLISH_FAILED|SASL_PLAINTEXT|SASL_SSL)$/;
  const inProse = [...text.matchAll(/`([A-Z][A-Z0-9]*(_[A-Z0-9]+)+)(=[^`]*)?`/g)].map(([, name]) => name!);
  const inCommands = codeBlocks(page, text)
    .filter(({ language }) => language === 'sh')
    .flatMap((block) => [...block.text.matchAll(/(?:^|\s)([A-Z][A-Z0-9_]*)=/g)].map(([, name]) => name!));
  return [...new Set([...inProse, ...inCommands])].filter((name) => !known.has(name) && !others.test(name) && !states.test(name));
}

describe('the documents', () => {
  it.each(pages)('link only to files and headings that exist: %s', (page) => expect(brokenLinks(page)).toEqual([]));

  it('would fail on a link to a missing file or heading', () => {
    const text =
      '# Title\n\n[a](missing.md) [b](README.md#missing) [c](#title) [d](#missing) [e](docs/README.md#learn) [f](https://example.com)\n';
    expect(brokenLinks('README.md', text)).toEqual(['missing.md', 'README.md#missing', '#missing']);
  });

  it.each(pages)('call only npm scripts that exist: %s', (page) => expect(unknownNpmCommands(page)).toEqual([]));

  it('would fail on an npm script that does not exist', () => {
    expect(unknownNpmCommands('README.md', '```sh\nnpm run missing -- --once\nA=1 npm strat\nnpm test\n```\n')).toEqual([
      'run missing',
      'strat',
    ]);
  });

  it.each(pages)('have JSON that can be parsed: %s', (page) => {
    for (const { language, text } of codeBlocks(page)) if (language === 'json') expect(() => JSON.parse(text)).not.toThrow();
  });

  it.each(pages)('mark commands as `sh`, so that they are run: %s', (page) => {
    const others = codeBlocks(page).filter(({ language }) => language !== 'sh');
    expect(others.filter(({ language }) => !['', 'json', 'text', 'yaml'].includes(language))).toEqual([]);
    expect(others.filter(({ text }) => /^(curl|npm|npx|node|docker|[A-Z_]+=\S+ )/m.test(text))).toEqual([]);
  });

  it.each(pages)('name only files and folders that exist: %s', (page) => {
    const paths = [...readPage(page).matchAll(/`((?:src|kernel|test|docs|config|scripts|demo|bench|manifests)\/[\w./-]*)`/g)].map(
      ([, path]) => path!,
    );
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it.each(['request', 'sample'])('name at most 20 files on the road of a %s, all of which exist', (road) => {
    const table = readPage('docs/architecture.md')
      .split('\n\n')
      .find((part) => part.startsWith(`| road of a ${road} |`))!;
    const files = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, file]) => file!);
    expect(files.length).toBeGreaterThan(10);
    expect(files.length).toBeLessThanOrEqual(20);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it('docs/README.md links to every page', () => {
    const linked = new Set(localLinks('docs/README.md').map(({ path }) => path));
    expect(pages.filter((page) => !page.startsWith('docs/decisions/') && page !== 'docs/README.md' && !linked.has(page))).toEqual([]);
  });

  it('README.md stays under 250 lines', () => expect(readPage('README.md').split('\n').length).toBeLessThan(250));

  it('docs/settings.md says what the schema says (scripts/write-settings-page.ts writes it)', () => {
    expect(readPage('docs/settings.md')).toBe(settingsPage());
  });

  it('name no setting that does not exist', () => expect(pages.flatMap((page) => unknownSettings(readPage(page), page))).toEqual([]));

  it('would fail on a setting that does not exist', () => {
    const text =
      'Set `KAFKA_BOOTSTRAP_SERVER` or `PUBLIC_URL=x`.\n\n```sh\nPROMETHEUS_URI=http://localhost:9090 PORT=8081 npm start\n```\n';
    expect(unknownSettings(text, 'README.md')).toEqual(['KAFKA_BOOTSTRAP_SERVER', 'PROMETHEUS_URI']);
  });
});

/** A test that these documents name: `file`: "its name" */
const namedTests = [
  ...`${readPage('docs/compatibility.md')}${readPage('docs/reliability.md')}${readPage('docs/security.md')}`.matchAll(
    /`([\w./-]+\.(?:spec|e2e)\.ts)`:((?:\s*"[^"]+"[,;]?)+)/g,
  ),
].flatMap(([, file, names]) => [...names!.matchAll(/"([^"]+)"/g)].map(([, name]) => ({ file: file!, name: name! })));

describe('docs/compatibility.md, docs/reliability.md and docs/security.md', () => {
  it('name tests', () => expect(namedTests.length).toBeGreaterThan(40));

  it.each(namedTests)('name a test that is there: $file "$name"', ({ file, name }) => {
    expect(isFile(file)).toBe(true);
    expect(readPage(file).replaceAll('\\', '')).toContain(name);
  });
});

describe('the table of folders in docs/architecture.md', () => {
  /** Allowed imports by folder, from the rows `| \`folder/\` | question | folders |`. */
  const table = Object.fromEntries(
    [...readPage('docs/architecture.md').matchAll(/^\| ((?:`[\w-]+\/`,? ?)+)\|[^|]*\| ([\w, -]+) \|$/gm)].flatMap(
      ([, folders = '', allowed = '']) =>
        [...folders.matchAll(/`([\w-]+)\/`/g)].map(
          ([, folder]) => [folder!, allowed === 'nothing' ? [] : allowed.split(', ').sort()] as const,
        ),
    ),
  );
  const { forbidden } = createRequire(import.meta.url)(join(root, '.dependency-cruiser.cjs')) as {
    forbidden: { name: string; to: { pathNot?: string } }[];
  };
  const rules = Object.fromEntries(
    forbidden.flatMap(({ name, to }) => {
      const [, folder] = /^(.*)-imports$/.exec(name) ?? [];
      const allowed = /\((.*)\)/.exec(to.pathNot ?? '')?.[1]?.split('|') ?? [];
      return folder === undefined ? [] : [[folder, allowed.filter((each) => each !== folder).sort()] as const];
    }),
  );

  it('names every folder of src', () => {
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(Object.keys(table).sort()).toEqual(folders.map(({ name }) => name).sort());
  });

  it('equals the rules of dependency-cruiser', () => {
    expect(table).toEqual(rules);
  });
});
