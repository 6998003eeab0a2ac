import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { settingsSchema } from '../../src/settings/settings-schema.js';
import { settingsPage } from './settings-page.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'), { recursive: true })
    .map((name) => join('docs', String(name)))
    .filter((path) => path.endsWith('.md')),
];

describe('the documents', () => {
  it.each(pages)('link only to what is there: %s', (page) => {
    const links = [...read(page).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)].map(([, link]) => link!);
    const local = links.filter((link) => !/^[a-z]+:/.test(link));
    expect(local.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  it('docs/settings.md says what the schema says (scripts/write-settings-page.ts writes it)', () => {
    expect(read('docs/settings.md')).toBe(settingsPage());
  });

  it('name no setting that there is not', () => {
    const known = new Set(Object.keys(settingsSchema.shape));
    // Beside ours: variables of npm, of Node and of this project's tools.
    const others = /^(CI|NODE_OPTIONS|NODE_ENV|XDG_CACHE_HOME|JAVA_HOME|HTTPS?_PROXY|NO_PROXY|NODE_EXTRA_CA_CERTS|TMPDIR|DEBIAN_FRONTEND)$/;
    const named = pages.flatMap((page) => [...read(page).matchAll(/`([A-Z][A-Z0-9]*(_[A-Z0-9]+)+)(=[^`]*)?`/g)].map(([, name]) => name!));
    const states = /^(IN_PROGRESS|PUBLISH_FAILED|SASL_PLAINTEXT|SASL_SSL)$/;
    expect([...new Set(named)].filter((name) => !known.has(name) && !others.test(name) && !states.test(name))).toEqual([]);
  });
});

/** A test that these documents name: `file`: "its name" */
const namedTests = [
  ...`${read('docs/compatibility.md')}${read('docs/reliability.md')}${read('docs/security.md')}`.matchAll(
    /`([\w./-]+\.(?:spec|e2e)\.ts)`:((?:\s*"[^"]+"[,;]?)+)/g,
  ),
].flatMap(([, file, names]) => [...names!.matchAll(/"([^"]+)"/g)].map(([, name]) => ({ file: file!, name: name! })));

describe('docs/compatibility.md and docs/reliability.md', () => {
  it('name tests', () => expect(namedTests.length).toBeGreaterThan(40));

  it.each(namedTests)('name a test that is there: $file "$name"', ({ file, name }) => {
    expect(existsSync(join(root, file))).toBe(true);
    expect(read(file).replaceAll('\\', '')).toContain(name);
  });
});
