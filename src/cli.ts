#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { UsageOptions } from './cli/read-usage-options.js';

// Each command's code is loaded when it runs, so that the others, and --help, start at once.
const program = new Command('rightsizer')
  .description('Sizes containers and namespaces from their recorded usage.')
  .version((JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version)
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

// A reader that has seen enough (`| head`) closes the pipe: no fault of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`rightsizer: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
