import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MetricProfiles } from './metric-profiles.js';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function configWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'rightsizer-'));
  folders.push(folder);
  mkdirSync(join(folder, 'metric-profiles'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'metric-profiles', name), text);
  return folder;
}

const profile = (name: string) =>
  JSON.stringify({
    metadata: { name },
    slo: {
      function_variables: [
        { name: 'cpuUsage', aggregation_functions: [{ function: 'avg', query: 'avg(x{n="$NAMESPACE$", c="$CONTAINER_NAME$"})' }] },
      ],
    },
  });

describe('MetricProfiles', () => {
  it("ships the reference's profile with its 25 variables", () => {
    const shipped = new MetricProfiles({}).find('resource-optimization-local-monitoring');
    expect(shipped?.variables.size).toBe(25);
    expect(shipped?.variables.get('namespaceCpuUsage')?.kubernetesObject).toBe('namespace');
  });

  it('finds profiles by the name inside the file, and no others', () => {
    const profiles = new MetricProfiles({ CONFIG_DIR: configWith({ 'a.json': profile('own'), 'notes.txt': '{' }) });
    expect(profiles.find('own')?.name).toBe('own');
    expect(profiles.find('a')).toBeUndefined();
  });

  it('fails with the faults of all files at once', () => {
    const files = { 'a.json': '{', 'b.json': '{"metadata":{}}', 'c.json': profile('own'), 'd.json': profile('own') };
    expect(() => new MetricProfiles({ CONFIG_DIR: configWith(files) })).toThrow(
      /a\.json: not readable as JSON[\s\S]*b\.json: metadata\.name[\s\S]*b\.json: slo[\s\S]*d\.json: metadata\.name: another file/,
    );
  });

  it('has none where the folder has none', () => {
    expect(new MetricProfiles({ CONFIG_DIR: join(tmpdir(), 'rightsizer-nowhere') }).find('own')).toBeUndefined();
  });
});
