import { z } from 'zod';
import {
  basePath,
  brokers,
  duration,
  flag,
  host,
  hosts,
  hostsAndRanges,
  httpUrl,
  integer,
  kruizeFlag,
  list,
  nameFormat,
  oneOf,
  origins,
  postgresUrl,
  publicUrl,
  redisUrl,
  responseFilter,
  text,
  topic,
  topics,
  uriReference,
} from './setting-types.js';

const optional = text.optional();

/**
 * Every environment variable: bounds, default and meaning, stated once. `npm start -- --help` and docs/settings.md are made of it.
 * An empty variable counts as unset.
 */
export const settingsSchema = z.object({
  PORT: integer(0, 65535).default(8080).describe('TCP port of the REST interface; 0 takes a free one'),
  HOST: host.default('0.0.0.0').describe('address that the REST interface listens on'),
  BASE_PATH: basePath
    .default('')
    .describe('path below which everything is served, for an ingress that does not strip it, such as /rightsizer'),
  CORS_ORIGINS: origins
    .optional()
    .describe('pages of other origins that may use the REST interface, such as https://ui.example; unset: none'),
  ALLOWED_HOSTS: hosts.optional().describe('names under which callers may reach the REST interface, against DNS rebinding; unset: any'),
  ROLE: oneOf(['all', 'api', 'worker']).default('all').describe('what this process does: answer REST, work on jobs, or both'),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info').describe('least level that is logged'),

  DATABASE_URL: postgresUrl.optional().describe('PostgreSQL; unset: an embedded one in DATA_DIR'),
  DATABASE_DIRECT_URL: postgresUrl
    .optional()
    .describe('PostgreSQL past a pooler, for the queue; needed where DATABASE_URL is a pooler in transaction mode'),
  DATABASE_POOL_SIZE: integer(2, 200).default(10).describe('connections to PostgreSQL of one process, the queue apart'),
  DATA_DIR: z.string().default('./data').describe('folder of the embedded PostgreSQL'),
  QUEUE_URL: redisUrl.optional().describe('where the queue runs: redis://… for Redis or Valkey; unset: on PostgreSQL'),

  KAFKA_BOOTSTRAP_SERVERS: brokers.optional().describe('host:port, comma-separated; unset: publication is off'),
  isKafkaEnabled: kruizeFlag
    .optional()
    .describe("Kruize's main switch: false turns publication off; unset: it is on where KAFKA_BOOTSTRAP_SERVERS is set"),
  KAFKA_CLIENT_ID: z.string().default('rightsizer').describe('client id shown to the brokers'),
  KAFKA_TOPICS: topics.optional().describe('topics that may be published to; unset: the three topics'),
  KAFKA_TOPIC_RECOMMENDATIONS: topic.default('recommendations-topic').describe('topic of recommendations'),
  KAFKA_TOPIC_ERROR: topic.default('error-topic').describe('topic of failed experiments and jobs'),
  KAFKA_TOPIC_SUMMARY: topic.default('summary-topic').describe('topic of job summaries'),
  KAFKA_CREATE_TOPICS: flag.default(true).describe('create missing topics; false: wait until they exist'),
  KAFKA_TOPIC_PARTITIONS: integer(1, 10_000).default(3).describe('partitions of a created topic'),
  KAFKA_TOPIC_REPLICATION: integer(-1, 32)
    .refine((replicas) => replicas !== 0, { error: 'expected -1 or a whole number from 1 to 32' })
    .default(-1)
    .describe("replicas of a created topic; -1: the broker's default"),
  KAFKA_RESPONSE_FILTER_INCLUDE: responseFilter
    .optional()
    .describe("content of recommendation and error records in GET /bulk's include grammar; unset: see README"),
  KAFKA_RESPONSE_FILTER_EXCLUDE: responseFilter.optional().describe("what of that content is left out, in GET /bulk's exclude grammar"),
  KAFKA_CE_MODE: oneOf(['binary', 'structured', 'off']).default('binary').describe('CloudEvents content mode of records'),
  KAFKA_MAX_RECORD_BYTES: integer(10_000, 100_000_000).default(1_000_000).describe('larger records are sent without plots'),
  KAFKA_COMPRESSION: oneOf(['gzip', 'none']).default('gzip').describe('compression of record batches'),
  KAFKA_SECURITY_PROTOCOL: oneOf(['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'])
    .default('PLAINTEXT')
    .describe('transport to the brokers'),
  KAFKA_SASL_MECHANISM: oneOf(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']).default('PLAIN').describe('SASL mechanism'),
  KAFKA_SASL_USERNAME: optional.describe('SASL user; client id for OAUTHBEARER'),
  KAFKA_SASL_PASSWORD: optional.describe('SASL password; client secret for OAUTHBEARER'),
  KAFKA_SASL_TOKEN_ENDPOINT: httpUrl.optional().describe('token endpoint (client credentials grant) for OAUTHBEARER'),
  KAFKA_PLAIN_USERNAME: optional.describe('accepted for KAFKA_SASL_USERNAME'),
  KAFKA_PLAIN_PASSWORD: optional.describe('accepted for KAFKA_SASL_PASSWORD'),
  KAFKA_SSL_CAFILE: optional.describe("PEM file of the brokers' certificate authority"),
  KAFKA_SSL_CERTFILE: optional.describe('PEM file of the client certificate'),
  KAFKA_SSL_KEYFILE: optional.describe('PEM file of the client key'),
  CE_SOURCE: uriReference.default('/bulk').describe('CloudEvents source; equal on all replicas'),

  PROMETHEUS_URL: httpUrl.optional().describe('short for a datasource prometheus-1 at this address'),
  DATASOURCES_FILE: optional.describe("YAML or JSON file of datasources in Kruize's form"),
  KRUIZE_CONFIG_FILE: optional.describe(
    "Kruize's own JSON file: datasource, kafkaBootstrapServers, isKafkaEnabled, bulkapilimit and experimentNameFormat are read; environment variables go before it",
  ),
  DATASOURCE_RETRY_MS: integer(0, 86_400_000).default(60_000).describe('how long an unreachable datasource is retried, in ms'),
  DATASOURCE_TIMEOUT_MS: integer(100, 3_600_000).default(60_000).describe('longest wait for one answer of a datasource, in ms'),
  DATASOURCE_CONCURRENCY: integer(1, 100).default(4).describe('requests at once to one datasource, of all threads of a process together'),

  bulkapilimit: integer(0, 10_000_000).default(0).describe('most experiments of a job; 0: no limit'),
  experimentNameFormat: nameFormat
    .default('%datasource%|%clustername%|%namespace%|%workloadname%(%workloadtype%)|%containername%')
    .describe("how experiments are named, with Kruize's placeholders"),
  CONFIG_DIR: optional.describe('folder of metadata-profiles, metric-profiles and layers; unset: the one that ships'),
  LAYERS: list('names of layers').default([]).describe('layers of CONFIG_DIR/layers that are registered at start'),
  USAGE_SCOPE: oneOf(['workload', 'container'])
    .default('workload')
    .describe("whose usage an experiment reads; container: Kruize's merging of same-named containers"),
  USAGE_STORE: flag
    .default(true)
    .describe('keep usage windows and the workloads of past days in PostgreSQL, so that a repeated job reads only what is new'),
  USAGE_OVERLAP: duration
    .prefault('1h')
    .describe('the newest stored windows, this long, are read again, since samples may come late; seconds, or like 30min or 1h'),
  USAGE_STORE_DAYS: integer(1, 3_650).default(16).describe('stored windows older than this are deleted, and those not used for as long'),
  USAGE_STORE_MAX_MB: integer(1, 10_000_000)
    .default(2048)
    .describe('size of the stored windows; beyond it those not used for longest are deleted'),
  ALIGN_END: flag.default(true).describe('floor the end of a job to its measurement duration, so that windows repeat'),
  SHARD_SIZE: integer(1, 10_000).default(64).describe('experiments that are read, computed, committed and published together'),
  WORKER_CONCURRENCY: integer(1, 1024).default(2).describe('shards measured at once by one process'),
  MEASURE_THREADS: integer(1, 256)
    .default(2)
    .describe(
      'threads that read usage and compute, no more than DATASOURCE_CONCURRENCY; each takes some 100 MB and does some 100 containers a second',
    ),
  RECONCILE_INTERVAL_MS: integer(200, 600_000).default(5_000).describe('how often lost wake-ups are put back, in ms'),
  JOB_RETENTION_DAYS: integer(0, 36_500)
    .default(30)
    .describe('finished jobs are deleted after this many days, and experiments that no job made for as long; 0: never'),
  SHUTDOWN_TIMEOUT_MS: integer(0, 600_000).default(20_000).describe('how long work in progress may take at a stop, in ms'),

  WEBHOOK_ALLOW: hostsAndRanges
    .default([])
    .describe('names, addresses and CIDRs that webhooks may reach beside public addresses and services of the cluster'),
  WEBHOOK_ALLOW_PRIVATE: flag.default(false).describe('let webhooks reach all private, loopback and link-local addresses; for local use'),
  WEBHOOK_MAX_BYTES: integer(10_000, 500_000_000)
    .default(32_000_000)
    .describe('a webhook whose body would be larger gets the summary and a link to the rest'),
  PUBLIC_URL: publicUrl
    .optional()
    .describe('address at which callers reach this service, for the link in a webhook; unset: that link is a path'),
  WEBHOOK_SECRET: optional.describe('key of the X-Rightsizer-Signature header of webhooks'),
});

export type Settings = Readonly<z.output<typeof settingsSchema>>;
