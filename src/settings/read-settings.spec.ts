import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectSettings, readSettings, SettingsError } from './read-settings.js';

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    readSettings(environment);
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    expect(error.message).toBe(`Invalid settings:\n${error.faults.map((fault) => `  ${fault}`).join('\n')}`);
    return error.faults;
  }
}

describe('readSettings', () => {
  it('uses the documented defaults', () => {
    expect(readSettings({})).toMatchObject({
      PORT: 8080,
      HOST: '0.0.0.0',
      ROLE: 'all',
      KAFKA_TOPIC_RECOMMENDATIONS: 'recommendations-topic',
      KAFKA_TOPIC_ERROR: 'error-topic',
      KAFKA_TOPIC_SUMMARY: 'summary-topic',
      KAFKA_CREATE_TOPICS: true,
      KAFKA_TOPIC_PARTITIONS: 3,
      KAFKA_SECURITY_PROTOCOL: 'PLAINTEXT',
      KAFKA_CE_MODE: 'binary',
      CE_SOURCE: '/bulk',
      DATASOURCE_RETRY_MS: 60_000,
      DATASOURCE_CONCURRENCY: 4,
      bulkapilimit: 0,
      experimentNameFormat: '%datasource%|%clustername%|%namespace%|%workloadname%(%workloadtype%)|%containername%',
      LAYERS: [],
      USAGE_SCOPE: 'workload',
      ALIGN_END: true,
      JOB_RETENTION_DAYS: 30,
      WEBHOOK_ALLOW_PRIVATE: false,
    });
  });

  it.each(['DATABASE_URL', 'QUEUE_URL', 'KAFKA_BOOTSTRAP_SERVERS', 'KAFKA_TOPICS', 'PROMETHEUS_URL', 'WEBHOOK_SECRET'] as const)(
    'leaves %s unset if it is absent or empty',
    (name) => {
      expect(readSettings({})[name]).toBeUndefined();
      expect(readSettings({ [name]: '' })[name]).toBeUndefined();
    },
  );

  it.each([
    ['PORT', '0', 0],
    ['KAFKA_CREATE_TOPICS', 'false', false],
    ['ALIGN_END', '0', false],
    ['WEBHOOK_ALLOW_PRIVATE', '1', true],
    ['KAFKA_BOOTSTRAP_SERVERS', 'a:9092, b:9092,,', ['a:9092', 'b:9092']],
    ['KAFKA_TOPICS', 'summary-topic', ['summary-topic']],
    ['KAFKA_TOPIC_REPLICATION', '-1', -1],
    ['DATABASE_URL', 'postgresql://u:p@db:5432/x', 'postgresql://u:p@db:5432/x'],
    ['QUEUE_URL', 'rediss://cache:6379', 'rediss://cache:6379'],
    ['experimentNameFormat', '%namespace%', '%namespace%'],
  ] as const)('reads %s=%s', (name, text, value) => expect(readSettings({ [name]: text })[name]).toEqual(value));

  it('ignores other variables', () => expect(readSettings({ PATH: '/bin', HOSTNAME: 'x' })).not.toHaveProperty('PATH'));

  it.each([
    ['PORT', '65536'],
    ['PORT', '80a'],
    ['PORT', '1.5'],
    ['ROLE', 'master'],
    ['LOG_LEVEL', 'loud'],
    ['KAFKA_CREATE_TOPICS', 'yes'],
    ['KAFKA_CE_MODE', 'xml'],
    ['KAFKA_TOPIC_PARTITIONS', '0'],
    ['KAFKA_SASL_MECHANISM', 'GSSAPI'],
    ['DATASOURCE_CONCURRENCY', '101'],
    ['bulkapilimit', '-1'],
    ['USAGE_SCOPE', 'pod'],
  ])('rejects %s=%s and names the setting and its value', (name, value) => {
    expect(faultsOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name}: .+, got "${value}"$`))]);
  });

  it.each([
    ['KAFKA_BOOTSTRAP_SERVERS', 'broker'],
    ['KAFKA_BOOTSTRAP_SERVERS', 'a:9092,b:99999'],
    ['KAFKA_BOOTSTRAP_SERVERS', 'fd00::1:9092'],
    ['KAFKA_BOOTSTRAP_SERVERS', 'PLAINTEXT://a:9092'],
    ['KAFKA_BOOTSTRAP_SERVERS', ','],
    ['ALLOWED_HOSTS', ' , '],
    ['CORS_ORIGINS', ','],
    ['KAFKA_TOPICS', 'foo'],
    ['KAFKA_TOPICS', 'summary-topic,recomendations-topic'],
    ['KAFKA_RESPONSE_FILTER_INCLUDE', 'experimentsfoo'],
    ['KAFKA_RESPONSE_FILTER_INCLUDE', 'summary|'],
    ['PUBLIC_URL', 'https://me:p@sizer.example'],
    ['PUBLIC_URL', 'https://sizer.example/#top'],
    ['PUBLIC_URL', 'https://sizer.example/?a=b'],
    ['experimentNameFormat', '%namespace%|%data source%'],
    ['experimentNameFormat', '%namespace%|%Namespace'],
    ['KAFKA_RESPONSE_FILTER_INCLUDE', 'summary|nope'],
    ['KAFKA_RESPONSE_FILTER_INCLUDE', 'webhook|url'],
    ['KAFKA_TOPIC_REPLICATION', '0'],
    ['PROMETHEUS_URL', 'http://p:0'],
    ['DATABASE_URL', 'postgres://u:p@h:0/x'],
    ['DATABASE_URL', 'postgres://u:p@h/x?sslmode=bogus'],
    ['DATABASE_URL', 'postgres://u:p%zz@h/x'],
    ['QUEUE_URL', 'redis://:p%zz@h'],
    ['QUEUE_URL', 'redis://h:6379/x'],
    ['CORS_ORIGINS', 'https://*.example'],
    ['WEBHOOK_ALLOW', '5'],
    ['WEBHOOK_ALLOW', '10.1'],
    ['WEBHOOK_ALLOW', '010.0.0.1'],
    ['WEBHOOK_ALLOW', '10.1/8'],
    ['KAFKA_TOPIC_ERROR', 'errors topic'],
    ['KAFKA_TOPIC_SUMMARY', '..'],
    ['KAFKA_TOPICS', `summary-topic,${'x'.repeat(250)}`],
    ['KAFKA_RESPONSE_FILTER_INCLUDE', 'nonsense|status'],
    ['KAFKA_RESPONSE_FILTER_EXCLUDE', 'summary,experimentz'],
    ['HOST', '0.0.0'],
    ['HOST', 'http://here'],
    ['CE_SOURCE', 'no uri'],
    ['CE_SOURCE', '/bulk%zz'],
    ['CE_SOURCE', '1:x'],
    ['CE_SOURCE', 'a#b#c'],
    ['CORS_ORIGINS', 'https://ui.example/'],
    ['CORS_ORIGINS', '*'],
    ['ALLOWED_HOSTS', 'sizer.example:8080'],
    ['WEBHOOK_ALLOW', '10.0.0.0/33'],
    ['WEBHOOK_ALLOW', 'a..b'],
    ['experimentNameFormat', '%namespace%|%workload%'],
    ['experimentNameFormat', '%label:app.kubernetes.io/name%'],
    ['isKafkaEnabled', 'yes'],
    ['USAGE_OVERLAP', '1 day'],
  ])('rejects %s=%s and names the setting', (name, value) => {
    expect(faultsOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name}: `))]);
  });

  it.each([
    ['PORT', '70000', 'from 0 to 65535'],
    ['PORT', '0x50', 'from 0 to 65535'],
    ['KAFKA_TOPIC_REPLICATION', '-2', 'from -1 to 32'],
  ])('rejects %s=%s and states the range', (name, value, range) => expect(faultsOf({ [name]: value }).join()).toContain(range));

  it.each([
    ['KAFKA_BOOTSTRAP_SERVERS', '[fd00::1]:9092,10.0.0.1:9092,broker.kafka.svc:9092,broker_1:1'],
    ['HOST', '::'],
    ['HOST', '[::1]'],
    ['QUEUE_URL', 'redis://:p%25@h:6379/3'],
    ['DATABASE_URL', 'postgres://u:p@h/x?sslmode=verify-full'],
    ['HOST', 'localhost'],
    ['CE_SOURCE', 'urn:example:sizer'],
    ['CE_SOURCE', '//host/a?b=c#d'],
    ['CE_SOURCE', 'a/b:c'],
    ['CORS_ORIGINS', 'https://ui.example,http://127.0.0.1:3000'],
    ['ALLOWED_HOSTS', 'Sizer.Example,[::1],10.0.0.1'],
    ['WEBHOOK_ALLOW', '*.corp.example,10.0.0.0/8,fd00::/8,::1,localhost'],
    ['KAFKA_RESPONSE_FILTER_INCLUDE', 'experiments|status|apis|recommendations|response|status_history'],
    ['KAFKA_RESPONSE_FILTER_INCLUDE', 'summary,webhook,metadata'],
    ['experimentNameFormat', '100%|%label:org_id%|%namespace%%containername%'],
    ['DATABASE_URL', 'postgres:///sizer?host=/var/run/postgresql'],
    ['isKafkaEnabled', 'False'],
  ])('accepts %s=%s', (name, value) => expect(faultsOf({ [name]: value })).toEqual([]));

  it('normalizes hosts', () => {
    expect(readSettings({ WEBHOOK_ALLOW: '[fd00::1],fd00::2,*.Corp.' }).WEBHOOK_ALLOW).toEqual(['fd00::1', 'fd00::2', '*.corp']);
    expect(readSettings({ HOST: '[::1]' }).HOST).toBe('::1');
    expect(readSettings({ ALLOWED_HOSTS: '[::1],::2,UI.example.' }).ALLOWED_HOSTS).toEqual(['::1', '::2', 'ui.example']);
  });

  it.each<[string, Record<string, string>]>([
    ['KAFKA_SASL_USERNAME', { KAFKA_SECURITY_PROTOCOL: 'SASL_SSL', KAFKA_SASL_PASSWORD: 'p' }],
    ['KAFKA_SASL_PASSWORD', { KAFKA_SECURITY_PROTOCOL: 'SASL_SSL', KAFKA_SASL_USERNAME: 'me' }],
    [
      'KAFKA_SASL_TOKEN_ENDPOINT',
      {
        KAFKA_SECURITY_PROTOCOL: 'SASL_PLAINTEXT',
        KAFKA_SASL_MECHANISM: 'OAUTHBEARER',
        KAFKA_SASL_USERNAME: 'me',
        KAFKA_SASL_PASSWORD: 'p',
      },
    ],
    ['KAFKA_SASL_USERNAME', { KAFKA_SASL_USERNAME: 'me', KAFKA_SASL_PASSWORD: 'p' }],
    ['KAFKA_PLAIN_PASSWORD', { KAFKA_SECURITY_PROTOCOL: 'SSL', KAFKA_PLAIN_PASSWORD: 'p' }],
    ['KAFKA_SSL_CAFILE', { KAFKA_SSL_CAFILE: '/ca.pem' }],
    ['KAFKA_SSL_CERTFILE, KAFKA_SSL_KEYFILE', { KAFKA_SECURITY_PROTOCOL: 'SSL', KAFKA_SSL_CERTFILE: '/c.pem' }],
    ['KAFKA_SSL_CERTFILE, KAFKA_SSL_KEYFILE', { KAFKA_SECURITY_PROTOCOL: 'SSL', KAFKA_SSL_KEYFILE: '/k.pem' }],
    ['QUEUE_URL', { QUEUE_URL: 'postgres://db/queue' }],
    ['KAFKA_BOOTSTRAP_SERVERS', { isKafkaEnabled: 'true' }],
    ['DATABASE_DIRECT_URL', { DATABASE_DIRECT_URL: 'postgres://db/x' }],
    ['DATABASE_URL', { ROLE: 'worker' }],
  ])('reports that %s conflicts with other settings', (name, environment) => {
    expect(faultsOf(environment)).toEqual([expect.stringMatching(new RegExp(`^${name}: `))]);
  });

  it.each<Record<string, string>>([
    {
      KAFKA_SECURITY_PROTOCOL: 'SASL_SSL',
      KAFKA_BOOTSTRAP_SERVERS: 'k:9092',
      KAFKA_PLAIN_USERNAME: 'me',
      KAFKA_PLAIN_PASSWORD: 'p',
      KAFKA_SSL_CAFILE: '/ca.pem',
    },
    { KAFKA_SECURITY_PROTOCOL: 'SSL', KAFKA_SSL_CERTFILE: '/c.pem', KAFKA_SSL_KEYFILE: '/k.pem' },
  ])('accepts %j', (environment) => expect(faultsOf(environment)).toEqual([]));

  it('lists all errors at once', () => {
    const environment = { PORT: 'x', ROLE: 'boss', PROMETHEUS_URL: 'ftp://p', KAFKA_SSL_KEYFILE: '/k.pem', SHARD_SIZE: '0' };
    const named = faultsOf(environment).map((fault) => fault.slice(0, fault.indexOf(':')));
    expect(named.sort()).toEqual([
      'KAFKA_SSL_CERTFILE, KAFKA_SSL_KEYFILE',
      'KAFKA_SSL_KEYFILE',
      'PORT',
      'PROMETHEUS_URL',
      'ROLE',
      'SHARD_SIZE',
    ]);
  });

  it('does not report an invalid setting as missing', () => {
    const environment = {
      KAFKA_SECURITY_PROTOCOL: 'SASL_SSL',
      KAFKA_SASL_MECHANISM: 'OAUTHBEARER',
      KAFKA_SASL_USERNAME: 'me',
      KAFKA_SASL_PASSWORD: 'p',
      KAFKA_SASL_TOKEN_ENDPOINT: 'x',
    };
    expect(faultsOf(environment)).toEqual([expect.stringMatching(/^KAFKA_SASL_TOKEN_ENDPOINT: .+, got /)]);
  });

  it.each([
    ['DATABASE_URL', 'mysql://root:hunter2@db/x'],
    ['QUEUE_URL', 'http://:hunter2@cache'],
    ['PROMETHEUS_URL', 'ftp://me:hunter2@prom'],
    ['KAFKA_SASL_TOKEN_ENDPOINT', 'hunter2'],
    ['KAFKA_BOOTSTRAP_SERVERS', 'k:9092,me:hunter2@k:9092'],
  ])('does not print the value of %s', (name, value) => {
    const faults = faultsOf({ [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults.join()).not.toContain('hunter2');
  });
});

describe('KRUIZE_CONFIG_FILE', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rightsizer-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function file(content: unknown): string {
    const path = join(folder, 'kruize.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }

  it("provides the values of Kruize's file, overridden by environment variables", () => {
    const kruize = { kafkaBootstrapServers: 'k:9092', isKafkaEnabled: 'true', bulkapilimit: 1000, experimentNameFormat: '%namespace%' };
    const read = inspectSettings({ KRUIZE_CONFIG_FILE: file({ ...kruize, datasource: [] }), bulkapilimit: '7' });
    expect(read).toMatchObject({
      settings: { KAFKA_BOOTSTRAP_SERVERS: ['k:9092'], bulkapilimit: 7, experimentNameFormat: '%namespace%' },
      faults: [],
      warnings: [],
    });
  });

  it('turns publication off, with a warning if brokers are set', () => {
    const read = inspectSettings({ KRUIZE_CONFIG_FILE: file({ isKafkaEnabled: false }), KAFKA_BOOTSTRAP_SERVERS: 'k:9092' });
    expect(read.settings.KAFKA_BOOTSTRAP_SERVERS).toBeUndefined();
    expect(read.warnings).toEqual(['KAFKA_BOOTSTRAP_SERVERS has no effect: isKafkaEnabled is false.']);
  });

  it('lists keys without effect in one warning', () => {
    const { warnings } = inspectSettings({ KRUIZE_CONFIG_FILE: file({ dbdriver: 'x', hibernate: {}, bulkapilimit: 1 }) });
    expect(warnings).toEqual(['These keys of KRUIZE_CONFIG_FILE have no effect: dbdriver, hibernate.']);
  });

  it.each([
    [{ bulkapilimit: 'many' }, /^KRUIZE_CONFIG_FILE: bulkapilimit: .* from 0 to 10000000, got "many"$/],
    [{ kafkaBootstrapServers: 'k' }, /^KRUIZE_CONFIG_FILE: kafkaBootstrapServers: /],
    [{ experimentNameFormat: {} }, /^KRUIZE_CONFIG_FILE: experimentNameFormat: expected a string$/],
    ['{"password": "hunter2"', /^KRUIZE_CONFIG_FILE: cannot read .*: it is not valid JSON$/],
    ['[]', /^KRUIZE_CONFIG_FILE: .*: expected a JSON object$/],
  ])('rejects %j', (content, fault) => {
    expect(faultsOf({ KRUIZE_CONFIG_FILE: file(content) })).toEqual([expect.stringMatching(fault)]);
  });

  it('rejects a missing file', () => {
    expect(faultsOf({ KRUIZE_CONFIG_FILE: join(folder, 'none.json') })).toEqual([
      expect.stringMatching(/^KRUIZE_CONFIG_FILE: cannot read .*ENOENT/),
    ]);
  });
});
