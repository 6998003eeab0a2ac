import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { faultOfNode } from './node-version.js';

const entries = ['main.ts', 'cli.ts', '../scripts/ready.mjs'];

describe('faultOfNode', () => {
  it.each(['v20.19.0', 'v20.20.1', 'v21.0.0', 'v22.1.0', 'v100.0.0'])('accepts %s', (version) => {
    expect(faultOfNode(version)).toBeUndefined();
  });

  it.each(['v20.18.9', 'v20.9.0', 'v18.20.4', 'v9.99.0'])('rejects %s and names the required version', (version) => {
    expect(faultOfNode(version)).toContain(`needs Node 20.19 or newer; this is ${version}`);
  });

  it('requires the version in package.json', () => {
    const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    expect(faultOfNode('v0.0.0')).toContain(engines.node.replace('>=', ''));
  });

  it.each(entries)('is called by %s before anything else', (entry) => {
    const version = `Object.defineProperty(process, 'version', { value: 'v18.20.4' })`;
    const versions = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } })`;
    const old = `data:text/javascript,${version}; ${versions}; delete globalThis.AbortController`;
    const script = fileURLToPath(new URL(entry, import.meta.url));
    const env = { ...process.env, NODE_OPTIONS: '' };
    const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--import', old, script], { env, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 1, stderr: `${faultOfNode('v18.20.4')}\n` });
  });

  it.each([...entries, 'node-version.ts'])('works on Node 12: %s has no newer syntax', (file) => {
    expect(hasNewSyntax(readFileSync(new URL(file, import.meta.url), 'utf8'))).toBe(false);
  });

  it.each(['a?.b;', 'a ?? b;', 'a ??= b;', "await import('a');"])('would not work on Node 12 with %s', (newer) => {
    expect(hasNewSyntax(`export const a = 1;\n${newer}`)).toBe(true);
  });
});

/** Whether the built file has syntax that Node 12 cannot parse: syntax that TypeScript compiles differently for ES2019, or top-level await. */
function hasNewSyntax(source: string): boolean {
  const [built, old] = [ts.ScriptTarget.ES2022, ts.ScriptTarget.ES2019].map(
    (target) => ts.transpileModule(source, { compilerOptions: { target, module: ts.ModuleKind.ESNext } }).outputText,
  );
  return built !== old || hasAwait(ts.createSourceFile('entry.ts', source, ts.ScriptTarget.ES2022));
}

function hasAwait(node: ts.Node): boolean {
  return ts.isAwaitExpression(node) || (!ts.isFunctionLike(node) && (ts.forEachChild(node, hasAwait) ?? false));
}
