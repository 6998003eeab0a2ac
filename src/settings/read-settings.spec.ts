import { readSettings, SettingsError } from './read-settings.js';

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    readSettings(environment);
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    expect(error.message).toBe(`Faulty settings:\n${error.faults.map((fault) => `  ${fault}`).join('\n')}`);
    return error.faults;
  }
}

describe('readSettings', () => {
  it('takes the documented defaults where the environment is silent', () => {
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
    'leaves %s unset when it is absent or empty',
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

  it('takes no notice of other variables', () => expect(readSettings({ PATH: '/bin', HOSTNAME: 'x' })).not.toHaveProperty('PATH'));

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
  ])('refuses %s=%s, naming the setting and its value', (name, value) => {
    expect(faultsOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name}: .+, got "${value}"$`))]);
  });

  it.each([
    ['KAFKA_SASL_USERNAME', { KAFKA_BOOTSTRAP_SERVERS: 'k:9092', KAFKA_SECURITY_PROTOCOL: 'SASL_SSL' }],
    [
      'KAFKA_SASL_TOKEN_ENDPOINT',
      { KAFKA_SECURITY_PROTOCOL: 'SASL_PLAINTEXT', KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_SASL_USERNAME: 'me' },
    ],
    ['KAFKA_SSL_CERTFILE, KAFKA_SSL_KEYFILE', { KAFKA_SSL_CERTFILE: '/c.pem' }],
    ['KAFKA_SSL_CERTFILE, KAFKA_SSL_KEYFILE', { KAFKA_SSL_KEYFILE: '/k.pem' }],
    ['QUEUE_URL', { QUEUE_URL: 'postgres://db/queue' }],
  ])('sees that %s does not go with the others', (name, environment) => {
    expect(faultsOf(environment)).toEqual([expect.stringMatching(new RegExp(`^${name}: `))]);
  });

  it.each<Record<string, string>>([
    { KAFKA_SECURITY_PROTOCOL: 'SASL_SSL', KAFKA_BOOTSTRAP_SERVERS: 'k:9092', KAFKA_PLAIN_USERNAME: 'me' },
    { KAFKA_SSL_CERTFILE: '/c.pem', KAFKA_SSL_KEYFILE: '/k.pem' },
  ])('finds nothing wrong with %j', (environment) => expect(faultsOf(environment)).toEqual([]));

  it('lists every fault at once', () => {
    const environment = { PORT: 'x', ROLE: 'boss', PROMETHEUS_URL: 'ftp://p', KAFKA_SSL_KEYFILE: '/k.pem', SHARD_SIZE: '0' };
    const named = faultsOf(environment).map((fault) => fault.slice(0, fault.indexOf(':')));
    expect(named.sort()).toEqual(['KAFKA_SSL_CERTFILE, KAFKA_SSL_KEYFILE', 'PORT', 'PROMETHEUS_URL', 'ROLE', 'SHARD_SIZE']);
  });

  it('does not call a setting missing that is faulty', () => {
    const environment = { KAFKA_SECURITY_PROTOCOL: 'SASL_SSL', KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_SASL_TOKEN_ENDPOINT: 'x' };
    expect(faultsOf(environment)).toEqual([expect.stringMatching(/^KAFKA_SASL_TOKEN_ENDPOINT: .+, got /)]);
  });

  it.each([
    ['DATABASE_URL', 'mysql://root:hunter2@db/x'],
    ['QUEUE_URL', 'http://:hunter2@cache'],
    ['PROMETHEUS_URL', 'ftp://me:hunter2@prom'],
    ['KAFKA_SASL_TOKEN_ENDPOINT', 'hunter2'],
  ])('does not print what %s holds', (name, value) => {
    const faults = faultsOf({ [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults.join()).not.toContain('hunter2');
  });
});
