import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Datasources } from './datasources.js';

describe('Datasources', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rightsizer-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const load = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return new Datasources({ PROMETHEUS_URL: 'http://127.0.0.1:9090', DATASOURCES_FILE: file });
  };

  it.each([
    ['a.yaml', 'datasources:\n- name: thanos-1\n  provider: thanos\n  url: https://thanos:9091/\n'],
    ['a.json', '[{"name": "thanos-1", "provider": "thanos", "url": "https://thanos:9091/"}]'],
  ])('has the datasources of %s and PROMETHEUS_URL', (name, text) => {
    const datasources = load(name, text);
    expect(datasources.all().map(({ name }) => name)).toEqual(['prometheus-1', 'thanos-1']);
    expect(datasources.find('thanos-1')?.url).toBe('https://thanos:9091');
    expect(datasources.find('constructor')).toBeUndefined();
  });

  it('is empty if nothing is configured', () => {
    expect(new Datasources({ PROMETHEUS_URL: undefined, DATASOURCES_FILE: undefined }).all()).toEqual([]);
  });

  it('throws if a file cannot be read, without showing its content', () => {
    expect(() => new Datasources({ PROMETHEUS_URL: undefined, DATASOURCES_FILE: join(folder, 'none.yaml') })).toThrow(
      /cannot read .*none\.yaml/,
    );
    expect(() => load('bad.yaml', 'password: "s3cret\n  - [')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('s3cret') }),
    );
  });

  it('throws if a name is already used by PROMETHEUS_URL', () => {
    expect(() => load('b.json', '[{"name":"prometheus-1","provider":"prometheus","url":"http://h"}]')).toThrow(
      /"prometheus-1" is configured more than once/,
    );
  });
});
