import { Command, Option } from 'commander';
import type { ExplainOptions } from './cli/explain-profile.js';
import type { UsageOptions } from './cli/save-usage.js';
import { version } from './version.js';

// A command loads its code when it runs, so that --help and the other commands start quickly.
const program = new Command('rightsizer')
  .description('Sizes containers and namespaces from their recorded usage.')
  .version(version)
  .showHelpAfterError('(rightsizer --help lists the commands)');

program
  .command('recommend')
  .description('compute recommendations from saved usage files, without any server; prints one line of JSON per file')
  .argument('<file...>', 'usage files; - for stdin')
  .option('--explain', 'explain on stderr how each number is computed')
  .action(async (files: string[], options: { explain?: boolean }) => {
    const { recommendFiles } = await import('./cli/recommend-files.js');
    process.exitCode = await recommendFiles(files, { explain: options.explain ?? false });
  });

program
  .command('usage')
  .description("save an experiment's usage from a datasource as a file for `rightsizer recommend`")
  .argument('<experiment>', 'namespace/kind/workload/container, a namespace, or an experiment name in the default format')
  .option('--datasource-url <url>', 'URL of Prometheus (default: the datasource from PROMETHEUS_URL or DATASOURCES_FILE)')
  .option('--datasource <name>', 'name of the datasource in the settings')
  .option('--end <time>', 'end of the window in ISO 8601 (default: now)')
  .option('--days <days>', 'length of the window in days', '15')
  .option('--step <minutes>', 'length of an interval in minutes', '15')
  .option('--metric-profile <name>', 'metric profile with the PromQL queries, from CONFIG_DIR/metric-profiles')
  .option('--output <file>', 'write to this file instead of stdout')
  .action(async (experiment: string, options: UsageOptions) => {
    const { saveUsage } = await import('./cli/save-usage.js');
    await saveUsage(experiment, options);
  });

program
  .command('explain-profile')
  .description('show for each query of a metric profile whether raw chunks or PromQL are used, and why')
  .argument('[name]', 'metric profile from CONFIG_DIR/metric-profiles', 'resource-optimization-local-monitoring')
  .addOption(new Option('--scope <scope>', 'default: the setting USAGE_SCOPE').choices(['workload', 'container']))
  .option('--measurement-duration <duration>', 'length of an interval, such as 15min or 1h', '15min')
  .option('--json', 'print one line of JSON instead of a table')
  .action(
    async (name: string, { measurementDuration, ...options }: Pick<ExplainOptions, 'scope' | 'json'> & { measurementDuration: string }) => {
      const { measurementFault, readDuration } = await import('./settings/duration.js');
      const fault = measurementFault(measurementDuration);
      if (fault !== undefined) throw new Error(`--measurement-duration: ${fault}`);
      const { explainProfileNamed } = await import('./cli/explain-profile.js');
      process.stdout.write(explainProfileNamed(name, { ...options, stepSeconds: readDuration(measurementDuration)! }, process.env));
    },
  );

program
  .command('migrate')
  .description('create or update the tables of the database in DATABASE_URL, and exit; the service also does this when it starts')
  .addHelpText('after', '\nDATABASE_DIRECT_URL takes precedence over DATABASE_URL. The exit status is 0 if the database is up to date.')
  .action(async () => {
    const { migrateDatabase } = await import('./cli/migrate.js');
    process.stdout.write(await migrateDatabase(process.env));
  });

// A closed pipe, as after `| head`, is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`rightsizer: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
