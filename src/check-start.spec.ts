import { X509Certificate } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkStart } from './check-start.js';
import { SettingsError } from './settings/read-settings.js';

const tlsFile = (name: string) => join(import.meta.dirname, '../test/fixtures/tls', name);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rightsizer-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    checkStart(environment);
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.faults;
  }
}

describe('checkStart', () => {
  it('returns the settings, with a warning if no datasource is configured', () => {
    expect(checkStart({ PROMETHEUS_URL: 'http://prometheus:9090' })).toMatchObject({ settings: { PORT: 8080 }, warnings: [] });
    expect(checkStart({}).warnings).toEqual([expect.stringContaining('No datasource is configured')]);
  });

  it("reads Kruize's datasources, unless others have the same names", () => {
    const datasource = [
      { name: 'prometheus-1', provider: 'prometheus', serviceName: 'prometheus-k8s', namespace: 'monitoring', url: '' },
      { name: 'thanos-1', provider: 'thanos', serviceName: '', namespace: '', url: 'http://thanos:9090' },
    ];
    const environment = { KRUIZE_CONFIG_FILE: file('kruize.json', { datasource }) };
    expect(checkStart(environment).warnings).toEqual([]);
    expect(faultsOf({ ...environment, PROMETHEUS_URL: 'http://prometheus:9090' })).toEqual([]);
  });

  it('lists all errors at once, each with its setting, without secrets', () => {
    const config = join(folder, 'config');
    mkdirSync(join(config, 'metadata-profiles'), { recursive: true });
    file('config/metadata-profiles/a.json', '{');
    file('config/metric-profiles/b.json', '{');
    file('config/layers/c.json', '{');
    const environment = {
      PORT: 'x',
      KAFKA_SECURITY_PROTOCOL: 'SSL',
      KAFKA_SSL_CAFILE: join(folder, 'none.pem'),
      DATASOURCES_FILE: file('datasources.json', [
        { name: 'a', provider: 'prometheus', url: 'http://a?token=hunter2' },
        { name: 'b', provider: 'prometheus', url: 'http://b', authentication: { type: 'basic', credentials: { password: 'hunter2' } } },
      ]),
      CONFIG_DIR: config,
      LAYERS: 'container',
    };
    const faults = faultsOf(environment);
    expect(faults.map((fault) => fault.split(':', 1)[0])).toEqual([
      'PORT',
      'DATASOURCES_FILE',
      'DATASOURCES_FILE',
      'KAFKA_SSL_CAFILE',
      'CONFIG_DIR',
      'CONFIG_DIR',
      'CONFIG_DIR',
    ]);
    expect(faults.join()).not.toContain('hunter2');
  });

  it.each([
    ['tls.caFile', { tls: { caFile: '/none/ca.pem' } }],
    ['tokenFilePath', { authentication: { type: 'bearer', credentials: { tokenFilePath: '/none/token' } } }],
    [
      'clientKeyPath',
      { authentication: { type: 'mtls', credentials: { clientCertPath: tlsFile('client.crt'), clientKeyPath: '/none/key' } } },
    ],
  ])('reports a missing file of a datasource: %s', (member, entry) => {
    const path = file('files.json', [{ name: 'p', provider: 'prometheus', url: 'http://p', ...entry }]);
    expect(faultsOf({ DATASOURCES_FILE: path })).toEqual([
      expect.stringMatching(new RegExp(`^DATASOURCES_FILE: entry 1 \\(p\\): ${member}: cannot read .*ENOENT`)),
    ]);
  });

  it('reports files with the wrong content', () => {
    const notPem = import.meta.filename;
    const environment = { KAFKA_SECURITY_PROTOCOL: 'SSL', KAFKA_BOOTSTRAP_SERVERS: 'k:9093' };
    const tls = (certificate: string, key: string) =>
      faultsOf({ ...environment, KAFKA_SSL_CAFILE: folder, KAFKA_SSL_CERTFILE: certificate, KAFKA_SSL_KEYFILE: key });
    expect(tls(notPem, notPem)).toEqual([
      expect.stringMatching(/^KAFKA_SSL_CAFILE: cannot read .*: it is a folder/),
      expect.stringMatching(/^KAFKA_SSL_CERTFILE: .* is not a certificate in PEM format/),
      expect.stringMatching(/^KAFKA_SSL_KEYFILE: .* is not a private key in PEM format/),
    ]);
    const der = file('client.der', '');
    writeFileSync(der, new X509Certificate(readFileSync(tlsFile('client.crt'))).raw);
    expect(tls(der, tlsFile('client.key'))[1]).toMatch(/^KAFKA_SSL_CERTFILE: .* is not a certificate in PEM format/);
    expect(tls(tlsFile('client.crt'), tlsFile('client.key'))).toEqual([expect.stringMatching(/^KAFKA_SSL_CAFILE/)]);
    expect(tls(tlsFile('client.crt'), tlsFile('server.key'))[1]).toMatch(/^KAFKA_SSL_KEYFILE: .* is not the key of /);
  });

  it('hides no error behind another', () => {
    const faults = faultsOf({
      DATASOURCES_FILE: join(folder, 'none.yaml'),
      PROMETHEUS_URL: 'http://h:9/#x',
      KRUIZE_CONFIG_FILE: join(folder, 'none.json'),
    });
    expect(faults.map((fault) => fault.split(/[: ]/, 1)[0])).toEqual(['KRUIZE_CONFIG_FILE', 'DATASOURCES_FILE', 'PROMETHEUS_URL']);
  });

  it('names KRUIZE_CONFIG_FILE for its datasources', () => {
    const entry = { name: 'p', provider: 'prometheus', url: 'http://p', tls: { caFile: '/none/ca.pem' } };
    expect(faultsOf({ KRUIZE_CONFIG_FILE: file('kruize.json', { datasource: [entry] }) })).toEqual([
      expect.stringMatching(/^KRUIZE_CONFIG_FILE: entry 1 \(p\): tls.caFile: cannot read /),
    ]);
  });

  it.each([
    ['CORS_ORIGINS', 'https://a.example,https://u:s3cret@b.example/'],
    ['WEBHOOK_ALLOW', 'a,http://u:s3cret@h/?token=s3cret'],
    ['BASE_PATH', 'http://u:s3c@s3cret@h'],
    ['CE_SOURCE', 'https://u:s3cr/s3cret@h^'],
    ['DATASOURCES_FILE', 'https://u:s3cret@x/y'],
    ['KRUIZE_CONFIG_FILE', 'https://u:s3cret@x/z'],
    ['LAYERS', 'https://u:s3cret@x'],
    ['CE_SOURCE', `https://u:${'s3cret'.repeat(40)}@h^`],
  ])('masks possible secrets in an invalid %s=%s', (name, value) => {
    expect(() => checkStart({ [name]: value })).toThrow(/\/\/\*\*\*@/);
    expect(() => checkStart({ [name]: value })).not.toThrow(/s3cret/);
  });

  it.each([
    ['password: *hunter2', /it is not a valid YAML document\. Correct it; values that begin with \*, &, ! or \| need quotes$/],
    ['password: |hunter2', /line 4, column \d+\)\. Correct it; values that begin/],
    ['password: !hunter2', /line 4, column \d+\)\. Correct it; values that begin/],
    ['password: *hunter2\n  - &hunter2 x', /it is not a valid YAML document/],
  ])('rejects a datasources file with %s, without showing its content', (line, message) => {
    const DATASOURCES_FILE = file(
      'broken.yaml',
      `- name: a\n  provider: prometheus\n  url: http://p\n  authentication: { type: basic }\n  ${line}\n`.replace(
        '  authentication: { type: basic }\n',
        '',
      ),
    );
    const faults = faultsOf({ DATASOURCES_FILE });
    expect(faults).toEqual([expect.stringMatching(message)]);
    expect(faults.join()).not.toContain('hunter2');
  });

  it('reports unreadable files of DATABASE_URL and an invalid DATA_DIR together with other errors', () => {
    expect(faultsOf({ DATABASE_URL: 'postgres://u:p@h/db?sslrootcert=/nope', CE_SOURCE: 'a b' })).toEqual([
      expect.stringMatching(/^CE_SOURCE: /),
      expect.stringMatching(/^DATABASE_URL: .*\/nope/),
    ]);
    symlinkSync('loop', join(folder, 'loop'));
    for (const DATA_DIR of [import.meta.filename, join(import.meta.filename, 'data'), join(folder, 'loop')]) {
      expect(faultsOf({ DATA_DIR, CONFIG_DIR: join(folder, 'loop') })).toEqual([
        expect.stringMatching(/^DATA_DIR: .*Set DATA_DIR to a folder/),
        expect.stringMatching(/^CONFIG_DIR: cannot read .*loop/),
      ]);
    }
    expect(faultsOf({ DATA_DIR: join(folder, 'a', 'b') })).toEqual([]);
  });

  it('rejects a token file without a token', () => {
    const entry = { name: 'p', provider: 'prometheus', url: 'http://p' };
    const path = file('token', '\n');
    const authentication = { type: 'bearer', credentials: { tokenFilePath: path } };
    expect(faultsOf({ DATASOURCES_FILE: file('files.json', [{ ...entry, authentication }]) })).toEqual([
      expect.stringMatching(/tokenFilePath: .*token is empty; write the token into it$/),
    ]);
  });

  it('names PROMETHEUS_URL for errors of its datasource', () => {
    expect(faultsOf({ PROMETHEUS_URL: 'http://h:9/?x=1' })).toEqual([expect.stringMatching(/^PROMETHEUS_URL\b/)]);
  });

  it('reports an unknown layer and missing default profiles', () => {
    expect(faultsOf({ LAYERS: 'containr' })).toEqual([expect.stringMatching(/^LAYERS: containr: no file of CONFIG_DIR\/layers/)]);
    expect(faultsOf({ CONFIG_DIR: join(folder, 'nowhere') })).toEqual([
      expect.stringMatching(/^CONFIG_DIR: cannot read .*nowhere: there is no such file or folder \(ENOENT\)\. Create the folder/),
    ]);
    mkdirSync(join(folder, 'empty'));
    expect(faultsOf({ CONFIG_DIR: join(folder, 'empty') })).toEqual([
      expect.stringMatching(/^CONFIG_DIR: there is no metadata profile "cluster-metadata-local-monitoring"/),
      expect.stringMatching(/^CONFIG_DIR: there is no metric profile "resource-optimization-local-monitoring"/),
    ]);
  });

  it('accepts a copy of the included folder', () => {
    const copy = join(folder, 'copy');
    cpSync(new URL('../config', import.meta.url), copy, { recursive: true });
    expect(faultsOf({ CONFIG_DIR: copy, LAYERS: 'container,quarkus' })).toEqual([]);
  });
});
