import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Datasources, inspectDatasources } from './datasources.js';

const entry = { name: 'p', provider: 'prometheus', url: 'http://prometheus:9090' };
const inspect = (content: unknown) => inspectDatasources({ file: { name: 'datasources.yaml', content } });
const faultsOf = (content: unknown) => inspect(content).faults;
const read = (content: unknown) => {
  const { datasources, faults } = inspect(content);
  expect(faults).toEqual([]);
  return datasources;
};

describe('inspectDatasources', () => {
  it('registers PROMETHEUS_URL as prometheus-1', () => {
    expect(inspectDatasources({ prometheusUrl: 'http://127.0.0.1:9090/' }).datasources).toEqual([
      {
        name: 'prometheus-1',
        provider: 'prometheus',
        url: 'http://127.0.0.1:9090',
        authentication: { type: 'none' },
        insecureSkipVerify: false,
      },
    ]);
  });

  it.each([
    ['a bare list', [entry]],
    ['a list under datasource', { datasource: [entry] }],
    ['a list under datasources', { datasources: [entry] }],
  ])('reads %s', (_, content) => expect(read(content).map(({ name }) => name)).toEqual(['p']));

  it.each([
    ['http://host:9090///', 'http://host:9090'],
    ['https://host/select/0/prometheus/', 'https://host/select/0/prometheus'],
  ])('removes trailing slashes from %s', (url, expected) => expect(read([{ ...entry, url }])[0]?.url).toBe(expected));

  it.each([
    ['monitoring', 'http://prometheus-k8s.monitoring.svc.cluster.local:9090'],
    ['openshift-monitoring', 'https://prometheus-k8s.openshift-monitoring.svc.cluster.local:9091'],
  ])('builds the URL of a service in %s', (namespace, url) => {
    const [datasource] = read([{ name: 'p', provider: 'Thanos', serviceName: 'prometheus-k8s', namespace, url: '' }]);
    expect(datasource).toMatchObject({ provider: 'thanos', serviceName: 'prometheus-k8s', namespace, url });
  });

  it.each([
    [{ type: 'NONE', credentials: {} }, { type: 'none' }],
    [
      { type: 'basic', credentials: { username: 'u', password: 'p' } },
      { type: 'basic', username: 'u', password: 'p' },
    ],
    [
      { type: 'bearer', credentials: { tokenPath: '/token' } },
      { type: 'bearer', tokenFilePath: '/token' },
    ],
    [
      { type: 'bearer', credentials: { tokenFilePath: '/token' } },
      { type: 'bearer', tokenFilePath: '/token' },
    ],
    [
      { type: 'apikey', credentials: { apiKey: 'k' } },
      { type: 'api_key', apiKey: 'k', header: 'X-API-Key' },
    ],
    [
      { type: 'api_key', credentials: { apiKey: 'k', header: 'X-Scope' } },
      { type: 'api_key', apiKey: 'k', header: 'X-Scope' },
    ],
    [
      {
        type: 'oauth2',
        credentials: { tokenEndpoint: 'https://idp/token', clientId: 'c', clientSecret: 's', grantType: 'client_credentials' },
      },
      { type: 'oauth2', tokenEndpoint: 'https://idp/token', clientId: 'c', clientSecret: 's' },
    ],
    [
      { type: 'mtls', credentials: { clientCertPath: '/c', clientKeyPath: '/k' } },
      { type: 'mtls', clientCertPath: '/c', clientKeyPath: '/k' },
    ],
  ])('reads the authentication %j', (authentication, expected) => {
    expect(JSON.parse(JSON.stringify(read([{ ...entry, authentication }])[0]?.authentication))).toEqual(expected);
  });

  it.each(['auto', 'chunks', 'promql'])('accepts usage_reader: %s', (usage_reader) =>
    expect(read([{ ...entry, usage_reader }])[0]?.usageReader).toBe(usage_reader),
  );

  it('rejects an unknown usage_reader', () =>
    expect(faultsOf([{ ...entry, usage_reader: 'sql' }])).toEqual([
      expect.stringContaining('datasources.yaml: entry 1 (p): usage_reader: '),
    ]));

  it('moves a password from the url to the authentication', () => {
    const [datasource] = read([{ ...entry, url: 'http://me:p%40ss@host:9090' }]);
    expect(datasource).toMatchObject({ url: 'http://host:9090', authentication: { type: 'basic', username: 'me', password: 'p@ss' } });
  });

  it('reads the TLS options', () => {
    expect(read([{ ...entry, tls: { insecureSkipVerify: true, caFile: '/ca.pem' } }])[0]).toMatchObject({
      insecureSkipVerify: true,
      caFile: '/ca.pem',
    });
  });

  it.each<[string, unknown, RegExp]>([
    ['an unknown provider', { ...entry, provider: 'influx' }, /\(p\): provider: /],
    ['both url and serviceName', { ...entry, serviceName: 's', namespace: 'n' }, /both url and serviceName/],
    ['neither url nor serviceName', { ...entry, url: '' }, /requires url or serviceName/],
    ['a service without namespace', { name: 'p', provider: 'prometheus', serviceName: 's' }, /serviceName requires namespace/],
    ['a URL that is not http', { ...entry, url: 'ftp://host' }, /url: expected http/],
    ['an invalid host', { ...entry, url: 'http://-bad..host-:9/' }, /url: expected http/],
    [
      'an invalid service name',
      { name: 'p', provider: 'prometheus', serviceName: 'u:s3cret@h', namespace: 'n' },
      /\(p\): serviceName: expected the name of a Kubernetes service$/,
    ],
    ['an invalid namespace', { name: 'p', provider: 'prometheus', serviceName: 's', namespace: 'n/x' }, /namespace: expected the name of/],
    [
      'an invalid header name',
      { ...entry, authentication: { type: 'api_key', credentials: { apiKey: 'k', header: 'X Key' } } },
      /header: expected the name of an HTTP header/,
    ],
    [
      'a key that is not a valid header value',
      { ...entry, authentication: { type: 'api_key', credentials: { apiKey: 'x✓\ny' } } },
      /apiKey: has characters/,
    ],
    [
      'a token that is not a valid header value',
      { ...entry, authentication: { type: 'bearer', credentials: { token: 'a\nb' } } },
      /token: has characters/,
    ],
    [
      'an invalid token endpoint',
      {
        ...entry,
        authentication: { type: 'oauth2', credentials: { tokenEndpoint: 'https://-bad..h/x', clientId: 'c', clientSecret: 's' } },
      },
      /tokenEndpoint: expected http/,
    ],
    ['a stray percent sign', { ...entry, url: 'http://u:50%@h' }, /percent-encoded/],
    ['a missing name', { ...entry, name: undefined }, /name: /],
    ['a misspelled member', { ...entry, authentification: {} }, /authentification/],
    ['an unknown authentication', { ...entry, authentication: { type: 'kerberos' } }, /authentication\.type: expected one of/],
    ['an authentication without type', { ...entry, authentication: {} }, /authentication\.type/],
    ['an inherited name as authentication', { ...entry, authentication: { type: 'constructor' } }, /authentication\.type/],
    ['a bearer without token', { ...entry, authentication: { type: 'bearer', credentials: {} } }, /requires token or tokenFilePath/],
    ['a basic without password', { ...entry, authentication: { type: 'basic', credentials: { username: 'u' } } }, /credentials: password/],
    [
      'two sets of credentials',
      { ...entry, url: 'http://a:b@h', authentication: { type: 'bearer', credentials: { token: 't' } } },
      /remove one/,
    ],
    ['a member of Object.prototype', { ...entry, constructor: 1 }, /unknown member constructor/],
    ['a member __proto__', JSON.parse('{"name":"p","provider":"prometheus","url":"http://h","__proto__":1}'), /__proto__/],
  ])('rejects %s', (_, value, fault) => {
    const faults = faultsOf([value]);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(fault);
  });

  it('lists all errors at once, without credentials', () => {
    const faults = faultsOf([
      entry,
      entry,
      { name: 'a', provider: 'x', url: 'http://h' },
      {
        name: 'b',
        provider: 'thanos',
        url: 'http://h',
        authentication: { type: 'basic', credentials: { username: 's3cret', passwort: 's3cret' } },
      },
    ]);
    expect(faults).toEqual([
      expect.stringContaining('entry 3 (a): provider'),
      expect.stringContaining('entry 4 (b): authentication.credentials: password'),
      expect.stringContaining('entry 4 (b): authentication.credentials: unknown member passwort'),
      'datasources.yaml: datasource "p" is configured more than once',
    ]);
    expect(faults.join()).not.toContain('s3cret');
  });

  it('checks valid members beside invalid ones, and reads the other entries', () => {
    const { datasources, faults, files } = inspect([
      { name: 'a', provider: 'x', url: 'ftp://h', authentication: { type: 'kerberos' }, tls: { caFile: '/ca.pem' } },
      { name: 'b', provider: 'thanos', url: 'http://u:50%@h', authentication: { type: 'bearer', credentials: { tokenPath: '/token' } } },
      entry,
    ]);
    expect(faults).toEqual([
      expect.stringContaining('entry 1 (a): provider'),
      expect.stringContaining('entry 1 (a): url: expected http'),
      expect.stringContaining('entry 1 (a): authentication.type'),
      expect.stringContaining('entry 2 (b): url: its user and password'),
    ]);
    expect(files).toEqual([
      { place: 'datasources.yaml: entry 1 (a): tls.caFile', path: '/ca.pem', kind: 'certificate' },
      { place: 'datasources.yaml: entry 2 (b): tokenFilePath', path: '/token', kind: 'token' },
    ]);
    expect(datasources.map(({ name }) => name)).toEqual(['p']);
  });

  it.each([null, 'text', { other: [] }])('rejects %j instead of a list', (content) => {
    expect(faultsOf(content)[0]).toContain('expected a list of datasources');
  });
});

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
