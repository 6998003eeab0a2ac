import { writeFile } from 'node:fs/promises';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
import { Datasources } from '../datasource/datasources.js';
import { PrometheusClient } from '../datasource/prometheus-client.js';
import type { Experiment } from '../experiments/experiment.js';
import { noExtras } from '../recommendation/extras.js';
import { logger } from '../settings/logger.js';
import { readSettings } from '../settings/read-settings.js';
import { httpUrl } from '../settings/setting-types.js';
import type { Settings } from '../settings/settings-schema.js';
import { EvidenceReader } from '../usage/evidence/evidence-reader.js';
import { LayerDetector } from '../usage/layers/layer-detector.js';
import { Layers } from '../usage/layers/layers.js';
import { usageReaderOf } from '../usage/usage-reader-of.js';
import { writeEvidence, writeUsageFile } from '../usage-file/write-usage-file.js';
import { readExperimentName } from './read-experiment-name.js';
import { readUsageOptions, type UsageOptions, type UsageWindow } from './read-usage-options.js';

/** Somebody waits for the answer: an unreachable datasource is not retried for a minute unless the settings say so. */
const retryMs = '5000';

/** Everything that any extra looks at, so that the file serves whatever a recommendation asks for. */
const allEvidence = { ...noExtras, oom: true, hpa: 'keep' } as const;

/**
 * Reads an experiment's usage, layers and evidence from a datasource, as a job does, and writes them as a usage file to stdout or `output`. Rejects with
 * what is wrong, in words.
 */
export async function saveUsage(name: string, options: UsageOptions): Promise<void> {
  const settings = settingsOf(options);
  logger.level = settings.LOG_LEVEL;
  const window = readUsageOptions(options, new Date(), settings.ALIGN_END);
  const experiment = readExperimentName(name);
  if (!experiment)
    throw new Error(
      `"${name}" names no experiment: expected namespace/kind/workload/container, a namespace, or a name in the default format`,
    );
  const http = new DatasourceHttp(settings);
  try {
    const file = await readFileOf(experiment, datasourceOf(settings, options, experiment), window, http, settings);
    await write(`${JSON.stringify(file)}\n`, options.output);
  } finally {
    http.onModuleDestroy();
  }
}

async function readFileOf(
  experiment: Experiment,
  datasource: Datasource,
  { endSeconds, days, stepMinutes, isEndGiven, metricProfile }: UsageWindow,
  http: DatasourceHttp,
  settings: Settings,
): Promise<object> {
  const client = new PrometheusClient(http);
  const stepSeconds = stepMinutes * 60;
  const rows = Math.ceil((days * 86_400) / stepSeconds) + 1;
  const asked = { datasource, experiments: [experiment] };
  const [[usage], [layers], [evidence]] = await Promise.all([
    usageReaderOf(http, settings).read({ ...asked, metricProfile, endSeconds, stepSeconds, rows, dropsInactive: !isEndGiven }),
    new LayerDetector(client, new Layers(settings), settings).detect({ ...asked, atSeconds: endSeconds, mayShareNames: true }),
    new EvidenceReader(client, settings).read({ ...asked, endSeconds, days, extras: allEvidence }),
  ]);
  return {
    ...writeUsageFile(usage!, subjectOf(experiment)),
    ...(layers!.length > 0 && { layers }),
    evidence: writeEvidence(evidence!),
  };
}

function settingsOf({ datasourceUrl }: UsageOptions): Settings {
  const given = { DATASOURCE_RETRY_MS: retryMs, LOG_LEVEL: 'warn', ...process.env };
  if (datasourceUrl === undefined) return readSettings(given);
  const fault = httpUrl.safeParse(datasourceUrl).error?.issues[0]?.message;
  if (fault) throw new Error(`--datasource-url: ${fault}`);
  return readSettings({ ...given, PROMETHEUS_URL: datasourceUrl, DATASOURCES_FILE: '' });
}

/** The one that is named in the options, else by the experiment, else the only one there is. */
function datasourceOf(settings: Settings, { datasourceUrl, datasource: named }: UsageOptions, experiment: Experiment): Datasource {
  const all = new Datasources(settings).all();
  const name = datasourceUrl === undefined ? (named ?? (experiment.datasource || undefined)) : undefined;
  const found = name === undefined && all.length === 1 ? all[0] : all.find((datasource) => datasource.name === name);
  if (found) return found;
  const known = all.map((datasource) => datasource.name).join(', ') || 'none';
  throw new Error(`which datasource? Give --datasource-url, or --datasource with one of the settings (there: ${known})`);
}

function subjectOf(experiment: Experiment) {
  if (experiment.type === 'namespace') return experiment;
  const { image: _, ...known } = experiment;
  return known;
}

async function write(text: string, output: string | undefined): Promise<void> {
  if (output === undefined) process.stdout.write(text);
  else await writeFile(output, text);
}
