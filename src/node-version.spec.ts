import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { faultOfNode } from './node-version.js';

describe('faultOfNode', () => {
  it.each(['v20.19.0', 'v20.20.1', 'v21.0.0', 'v22.1.0', 'v100.0.0'])('takes %s', (version) => {
    expect(faultOfNode(version)).toBeUndefined();
  });

  it.each(['v20.18.9', 'v20.9.0', 'v18.20.4', 'v9.99.0'])('refuses %s, and says what is needed', (version) => {
    expect(faultOfNode(version)).toContain(`needs Node 20.19 or newer; this is ${version}`);
  });

  it('says what package.json says', () => {
    const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    expect(faultOfNode('v0.0.0')).toContain(engines.node.replace('>=', ''));
  });

  it.each(['main.ts', 'cli.ts'])('is asked before anything else by %s', (entry) => {
    const old = `data:text/javascript,Object.defineProperty(process, 'version', { value: 'v18.20.4' })`;
    const script = fileURLToPath(new URL(entry, import.meta.url));
    const env = { ...process.env, NODE_OPTIONS: '' };
    const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--import', old, script], { env, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 1, stderr: `${faultOfNode('v18.20.4')}\n` });
  });
});
