import { Command, Option } from 'commander';
import type { ExplainOptions } from './cli/explain-profile.js';
import type { UsageOptions } from './cli/save-usage.js';
import { version } from './version.js';

// Each command's code is loaded when it runs, so that the others, and --help, start at once.
const program = new Command('rightsizer')
  .description('Sizes containers and namespaces from their recorded usage.')
  .version(version)
  .showHelpAfterError('(rightsizer --help shows what there is)');

program
  .command('recommend')
  .description('compute recommendations from saved usage files, without any server: one line of JSON a file on stdout')
  .argument('<file...>', 'usage files; - reads stdin')
  .option('--explain', 'tell on stderr how each number comes about')
  .action(async (files: string[], options: { explain?: boolean }) => {
    const { recommendFiles } = await import('./cli/recommend-files.js');
    process.exitCode = await recommendFiles(files, { explain: options.explain ?? false });
  });

program
  .command('usage')
  .description("save an experiment's usage from a datasource as a file for `rightsizer recommend`")
  .argument('<experiment>', 'namespace/kind/workload/container, a namespace, or an experiment name in the default format')
  .option('--datasource-url <url>', 'address of Prometheus; without it the datasource of the settings (PROMETHEUS_URL, DATASOURCES_FILE)')
  .option('--datasource <name>', 'name of the datasource in the settings')
  .option('--end <time>', 'last instant, ISO-8601; without it now')
  .option('--days <days>', 'how far back', '15')
  .option('--step <minutes>', 'length of an interval', '15')
  .option('--metric-profile <name>', 'which PromQL asks for the metrics: a profile of CONFIG_DIR/metric-profiles')
  .option('--output <file>', 'write to this file instead of stdout')
  .action(async (experiment: string, options: UsageOptions) => {
    const { saveUsage } = await import('./cli/save-usage.js');
    await saveUsage(experiment, options);
  });

program
  .command('explain-profile')
  .description('tell for each query of a metric profile whether raw chunks or PromQL answer it, and why')
  .argument('[name]', 'a profile of CONFIG_DIR/metric-profiles', 'resource-optimization-local-monitoring')
  .addOption(new Option('--scope <scope>', 'without it the setting USAGE_SCOPE').choices(['workload', 'container']))
  .option('--measurement-duration <duration>', 'length of an interval, such as 15min or 1h', '15min')
  .option('--json', 'one line of JSON instead of a table')
  .action(
    async (name: string, { measurementDuration, ...options }: Pick<ExplainOptions, 'scope' | 'json'> & { measurementDuration: string }) => {
      const { measurementFault, readDuration } = await import('./settings/duration.js');
      const fault = measurementFault(measurementDuration);
      if (fault !== undefined) throw new Error(`--measurement-duration: ${fault}`);
      const { explainProfileNamed } = await import('./cli/explain-profile.js');
      process.stdout.write(explainProfileNamed(name, { ...options, stepSeconds: readDuration(measurementDuration)! }, process.env));
    },
  );

// A reader that has seen enough (`| head`) closes the pipe: no fault of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`rightsizer: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
