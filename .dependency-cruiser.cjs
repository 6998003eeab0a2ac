// The table of docs/architecture.md, executable: which folder of src/ may import which, and which file may know which client library.
const mayImport = {
  settings: [],
  calls: [],
  promql: [],
  recommendation: [],
  database: ['settings'],
  'remote-read': ['promql'],
  'usage-file': ['recommendation', 'experiments'],
  experiments: ['settings', 'recommendation', 'database', 'datasource'],
  datasource: ['settings', 'database', 'promql', 'remote-read', 'calls'],
  profiles: ['settings', 'promql', 'recommendation', 'experiments', 'datasource'],
  owners: ['settings', 'promql', 'remote-read', 'datasource', 'experiments'],
  discovery: ['settings', 'calls', 'database', 'promql', 'remote-read', 'datasource', 'profiles'],
  usage: ['settings', 'calls', 'database', 'promql', 'remote-read', 'datasource', 'profiles', 'owners', 'experiments', 'recommendation'],
  publication: ['settings', 'calls', 'experiments'],
  sizing: ['settings', 'calls', 'database', 'datasource', 'experiments', 'profiles', 'recommendation', 'discovery', 'usage', 'promql'],
  bulk: ['promql', 'settings', 'calls', 'database', 'datasource', 'profiles', 'discovery', 'experiments', 'usage', 'publication', 'sizing'],
  intake: ['settings', 'calls', 'database', 'publication', 'sizing', 'bulk'],
  rest: ['settings', 'database', 'datasource', 'experiments', 'publication', 'sizing', 'bulk', 'intake'],
  cli: ['settings', 'database', 'recommendation', 'usage-file', 'datasource', 'profiles', 'experiments', 'usage', 'sizing'],
};

const folderRules = Object.entries(mayImport).map(([folder, allowed]) => ({
  name: `${folder}-imports`,
  comment: `src/${folder}/ may import ${allowed.length ? allowed.join(', ') : 'no other folder'}`,
  severity: 'error',
  // Tests of the engine read usage files; those of requests check webhook addresses as the service does.
  from: { path: `^src/${folder}/`, ...(['recommendation', 'sizing'].includes(folder) && { pathNot: '\\.spec\\.ts$' }) },
  to: { path: '^src/', pathNot: `^src/(${[folder, ...allowed].join('|')})/` },
}));

const clientOf = (library, files) => ({
  name: `${library}-only-in`,
  comment: `${library} is known only to the files named here`,
  severity: 'error',
  from: { path: '^src/', pathNot: `(\\.spec\\.ts$|^src/(${files.join('|')}))` },
  to: { path: `^node_modules/${library}/` },
});

/** Pure files: functions of their inputs. */
const pure = '^src/(recommendation/|promql/|remote-read/|usage/from-chunks/|.*/(read|plan)-(?!through)[^/]*\\.ts$|.*/messages\\.ts$)';

module.exports = {
  forbidden: [
    ...folderRules,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-barrels', severity: 'error', from: {}, to: { path: '^src/.*/index\\.ts$' } },
    { name: 'no-catch-alls', severity: 'error', from: { path: '/(common|utils|shared|helpers)/' }, to: {} },
    {
      name: 'threads-are-light',
      comment: 'what a measuring thread loads knows neither Nest nor a database client',
      severity: 'error',
      from: { path: '^src/sizing/thread\\.ts$' },
      to: { path: '^node_modules/(@nestjs|typeorm|pg|pg-copy-streams|bullmq|kafkajs|ioredis)/', reachable: true },
    },
    {
      name: 'engine-stands-alone',
      comment: 'src/recommendation/ uses no package and no Node module',
      severity: 'error',
      from: { path: '^src/recommendation/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'core'] },
    },
    {
      name: 'pure-files',
      comment: 'a pure file knows no client, repository, logger or framework',
      severity: 'error',
      from: { path: pure, pathNot: '\\.spec\\.ts$' },
      to: { path: '^node_modules/(kafkajs|axios|bullmq|typeorm|pino|@nestjs|pg)/|logger\\.ts$' },
    },
    clientOf('kafkajs', ['publication/kafka-(client|connection)\\.ts', 'intake/input-topic\\.ts']),
    clientOf('axios', ['datasource/', 'publication/']),
    clientOf('bullmq', ['bulk/queue\\.ts']),
    clientOf('typeorm', ['database/', '.*-store\\.ts', '.*-rows\\.ts', '.*\\.module\\.ts']),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { conditionNames: ['import', 'require', 'node', 'default', 'types'], exportsFields: ['exports'] },
  },
};
