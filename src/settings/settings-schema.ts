import { z } from 'zod';
import {
  basePath,
  brokers,
  duration,
  flag,
  groupId,
  host,
  hosts,
  hostsAndRanges,
  httpUrl,
  initialOffset,
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
 * Every environment variable with its type, range, default and description. `npm start -- --help` and docs/settings.md are generated from it.
 * An empty variable counts as unset.
 */
export const settingsSchema = z.object({
  PORT: integer(0, 65535).default(8080).describe('TCP port of the REST API; 0 means any free port'),
  HOST: host.default('0.0.0.0').describe('address that the REST API listens on'),
  BASE_PATH: basePath.default('').describe('path prefix of all endpoints, such as /rightsizer, for an ingress that does not strip it'),
  CORS_ORIGINS: origins.optional().describe('origins of web pages that may use the REST API, such as https://ui.example; unset: none'),
  ALLOWED_HOSTS: hosts
    .optional()
    .describe('host names that requests to the REST API may use, as protection against DNS rebinding; unset: any'),
  ROLE: oneOf(['all', 'api', 'worker'])
    .default('all')
    .describe('role of this process: api serves the REST API, worker processes jobs, all does both'),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('minimum level of log messages'),

  DATABASE_URL: postgresUrl.optional().describe('URL of PostgreSQL; unset: an embedded PostgreSQL in DATA_DIR'),
  DATABASE_DIRECT_URL: postgresUrl
    .optional()
    .describe('direct URL of PostgreSQL for the queue; required if DATABASE_URL is a pooler in transaction mode'),
  DATABASE_POOL_SIZE: integer(2, 200)
    .default(10)
    .describe('size of the PostgreSQL connection pool per process (the queue has its own connections)'),
  DATA_DIR: z.string().default('./data').describe('data folder of the embedded PostgreSQL'),
  QUEUE_URL: redisUrl.optional().describe('URL of Redis or Valkey for the queue (redis://…); unset: the queue is in PostgreSQL'),

  KAFKA_BOOTSTRAP_SERVERS: brokers.optional().describe('brokers as host:port, comma-separated; unset: publication is off'),
  isKafkaEnabled: kruizeFlag
    .optional()
    .describe("Kruize's switch for publication: false turns it off; unset: it is on if KAFKA_BOOTSTRAP_SERVERS is set"),
  KAFKA_CLIENT_ID: z.string().default('rightsizer').describe('client id of the Kafka connection'),
  KAFKA_TOPICS: topics.optional().describe('topics to publish to; unset: all three topics'),
  KAFKA_TOPIC_RECOMMENDATIONS: topic.default('recommendations-topic').describe('topic of recommendations'),
  KAFKA_TOPIC_ERROR: topic.default('error-topic').describe('topic of failed experiments and jobs'),
  KAFKA_TOPIC_SUMMARY: topic.default('summary-topic').describe('topic of job summaries'),
  KAFKA_CREATE_TOPICS: flag.default(true).describe('create missing topics; false: keep records until the topics exist'),
  KAFKA_TOPIC_PARTITIONS: integer(1, 10_000).default(3).describe('number of partitions of a created topic'),
  KAFKA_TOPIC_REPLICATION: integer(-1, 32)
    .refine((replicas) => replicas !== 0, { error: 'expected -1 or a whole number from 1 to 32' })
    .default(-1)
    .describe("replication factor of a created topic; -1: the broker's default"),
  KAFKA_RESPONSE_FILTER_INCLUDE: responseFilter
    .optional()
    .describe(
      "content of recommendation and error records, in the syntax of GET /bulk's include; unset: the default content (see docs/kafka-records.md)",
    ),
  KAFKA_RESPONSE_FILTER_EXCLUDE: responseFilter.optional().describe("what to omit from that content, in the syntax of GET /bulk's exclude"),
  KAFKA_CE_MODE: oneOf(['binary', 'structured', 'off']).default('binary').describe('CloudEvents content mode of records'),
  KAFKA_MAX_RECORD_BYTES: integer(10_000, 100_000_000)
    .default(1_000_000)
    .describe('maximum size of a record in bytes; larger records are sent without plots'),
  KAFKA_COMPRESSION: oneOf(['gzip', 'none']).default('gzip').describe('compression of record batches'),
  KAFKA_SECURITY_PROTOCOL: oneOf(['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'])
    .default('PLAINTEXT')
    .describe('security protocol of the Kafka connection'),
  KAFKA_SASL_MECHANISM: oneOf(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']).default('PLAIN').describe('SASL mechanism'),
  KAFKA_SASL_USERNAME: optional.describe('SASL user name, or client id for OAUTHBEARER'),
  KAFKA_SASL_PASSWORD: optional.describe('SASL password, or client secret for OAUTHBEARER'),
  KAFKA_SASL_TOKEN_ENDPOINT: httpUrl.optional().describe('URL of the token endpoint for OAUTHBEARER (client credentials grant)'),
  KAFKA_PLAIN_USERNAME: optional.describe('alias of KAFKA_SASL_USERNAME'),
  KAFKA_PLAIN_PASSWORD: optional.describe('alias of KAFKA_SASL_PASSWORD'),
  KAFKA_SSL_CAFILE: optional.describe("PEM file of the brokers' certificate authority"),
  KAFKA_SSL_CERTFILE: optional.describe('PEM file of the client certificate'),
  KAFKA_SSL_KEYFILE: optional.describe('PEM file of the client key'),
  CE_SOURCE: uriReference.default('/bulk').describe('CloudEvents source; must be the same on all replicas'),

  KAFKA_INPUT_TOPIC: topic.optional().describe('topic whose records start jobs; unset: none'),
  BULK_INPUT_TOPIC: topic.optional().describe('alias of KAFKA_INPUT_TOPIC'),
  KAFKA_INPUT_GROUP_ID: groupId.optional().describe('consumer group of the input topic, used exactly as given; unset: rightsizer'),
  KAFKA_CONSUMER_GROUP_ID: groupId.optional().describe('alias of KAFKA_INPUT_GROUP_ID'),
  KAFKA_INITIAL_OFFSET: initialOffset
    .default('earliest')
    .describe(
      'where a new consumer group begins: earliest, latest, or a time in Unix milliseconds (13 digits); afterwards it continues where it was',
    ),
  KAFKA_DEAD_LETTER_TOPIC: topic
    .optional()
    .describe('topic for input records that can never lead to a job; unset: the input topic with .dead-letter'),

  PROMETHEUS_URL: httpUrl.optional().describe('URL of a Prometheus; shorthand for one datasource prometheus-1'),
  DATASOURCES_FILE: optional.describe("YAML or JSON file of datasources in Kruize's format"),
  KRUIZE_CONFIG_FILE: optional.describe(
    "Kruize's JSON configuration file; its datasource, kafkaBootstrapServers, isKafkaEnabled, bulkapilimit and experimentNameFormat are used; environment variables take precedence",
  ),
  DATASOURCE_RETRY_MS: integer(0, 86_400_000).default(60_000).describe('retry an unreachable datasource for this long (ms)'),
  DATASOURCE_TIMEOUT_MS: integer(100, 3_600_000).default(60_000).describe('timeout of one request to a datasource (ms)'),
  DATASOURCE_CONCURRENCY: integer(1, 100).default(4).describe('maximum concurrent requests to one datasource, per process'),

  bulkapilimit: integer(0, 10_000_000).default(0).describe('maximum experiments per job; 0 means no limit'),
  experimentNameFormat: nameFormat
    .default('%datasource%|%clustername%|%namespace%|%workloadname%(%workloadtype%)|%containername%')
    .describe("format of experiment names, with Kruize's placeholders"),
  CONFIG_DIR: optional.describe('folder with metadata-profiles, metric-profiles and layers; unset: the included folder'),
  LAYERS: list('names of layers').default([]).describe('layers from CONFIG_DIR/layers to register at start'),
  USAGE_SCOPE: oneOf(['workload', 'container'])
    .default('workload')
    .describe(
      'whose usage an experiment reads: workload: its own; container: that of all containers of the same name in the namespace, as in Kruize',
    ),
  USAGE_STORE: flag
    .default(true)
    .describe('store usage windows and the workloads of past days in PostgreSQL, so that a repeated job reads only new data'),
  USAGE_OVERLAP: duration
    .prefault('1h')
    .describe('age up to which stored windows are read again, because samples may arrive late; in seconds, or like 30min or 1h'),
  USAGE_STORE_DAYS: integer(1, 3_650)
    .default(16)
    .describe('delete stored windows that are older, or have not been used for longer, than this many days'),
  USAGE_STORE_MAX_MB: integer(1, 10_000_000)
    .default(2048)
    .describe('maximum size of the stored windows in MB; the least recently used ones are deleted first'),
  ALIGN_END: flag
    .default(true)
    .describe('round the end of a job down to a multiple of its measurement duration, so that repeated jobs share stored windows'),
  SHARD_SIZE: integer(1, 10_000).default(64).describe('number of experiments that are read, computed, committed and published together'),
  WORKER_CONCURRENCY: integer(1, 1024).default(2).describe('maximum shards that one process measures concurrently'),
  MEASURE_THREADS: integer(1, 256)
    .default(2)
    .describe(
      'threads that read usage and compute recommendations; more than DATASOURCE_CONCURRENCY have no effect; each needs about 100 MB and processes about 100 containers per second',
    ),
  RECONCILE_INTERVAL_MS: integer(200, 600_000).default(5_000).describe('interval of the check for lost queue entries (ms)'),
  JOB_RETENTION_DAYS: integer(0, 36_500)
    .default(30)
    .describe('delete finished jobs, and experiments that no job has used, after this many days; 0: never'),
  SHUTDOWN_TIMEOUT_MS: integer(0, 600_000).default(20_000).describe('maximum wait at shutdown for running work to finish (ms)'),

  WEBHOOK_ALLOW: hostsAndRanges
    .default([])
    .describe('host names, addresses and CIDR ranges that webhooks may reach besides public addresses and services of the cluster'),
  WEBHOOK_ALLOW_PRIVATE: flag.default(false).describe('allow webhooks to all private, loopback and link-local addresses; for local use'),
  WEBHOOK_MAX_BYTES: integer(10_000, 500_000_000)
    .default(32_000_000)
    .describe('maximum size of a webhook body in bytes; a larger one is replaced by the summary and a link to the rest'),
  PUBLIC_URL: publicUrl
    .optional()
    .describe('URL at which callers reach this service, for the link in a webhook; unset: the link is a path'),
  WEBHOOK_SECRET: optional.describe('key of the X-Rightsizer-Signature header of webhooks'),
});

export type Settings = Readonly<z.output<typeof settingsSchema>>;
