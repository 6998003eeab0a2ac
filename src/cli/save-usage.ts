import { writeFile } from 'node:fs/promises';
import type { Datasource } from '../datasource/datasource.js';
import { Datasources } from '../datasource/datasources.js';
import type { Experiment } from '../experiments/experiment.js';
import { noExtras } from '../recommendation/settings.js';
import { logger } from '../settings/logger.js';
import { readSettings } from '../settings/read-settings.js';
import { httpUrl } from '../settings/setting-types.js';
import type { Settings } from '../settings/settings-schema.js';
import { type LocalSizer, openSizer } from '../sizing/open-sizer.js';
import { writeEvidence, writeUsageFile } from '../usage-file/write-usage-file.js';

/** Default of DATASOURCE_RETRY_MS for this command: a user waits for the result, so that the usual minute is too long. */
const retryMs = '5000';

/** The evidence of all extras, so that the file supports every setting of a recommendation. */
const allEvidence = { ...noExtras, oom: true, hpa: 'keep' } as const;

/**
 * Reads an experiment's usage, layers and evidence from a datasource, as a job does, and writes them as a usage file to stdout or `output`. Rejects
 * with an Error for users.
 */
export async function saveUsage(name: string, options: UsageOptions): Promise<void> {
  const settings = settingsOf(options);
  logger.level = settings.LOG_LEVEL;
  const window = readUsageOptions(options, new Date(), settings.ALIGN_END);
  const experiment = readExperimentName(name);
  if (!experiment)
    throw new Error(
      `"${name}" is not an experiment: expected namespace/kind/workload/container, a namespace, or a name in the default format`,
    );
  const sizer = openSizer(settings);
  try {
    const file = await readFileOf(experiment, datasourceOf(settings, options, experiment), window, sizer);
    const text = `${JSON.stringify(file)}\n`;
    if (options.output === undefined) process.stdout.write(text);
    else await writeFile(options.output, text);
  } finally {
    sizer.close();
  }
}

async function readFileOf(
  experiment: Experiment,
  datasource: Datasource,
  { endSeconds, days, stepMinutes, isEndGiven, metricProfile }: UsageWindow,
  { capabilities, profiles, usage, layers, evidence }: LocalSizer,
): Promise<object> {
  const stepSeconds = stepMinutes * 60;
  const rows = Math.ceil((days * 86_400) / stepSeconds) + 1;
  const known = await capabilities.of(datasource, undefined, endSeconds);
  const target = { datasource, experiments: [experiment] };
  const fitting = profiles.fitting(metricProfile, known.rules);
  const [[table], [found], [seen]] = await Promise.all([
    usage.read({ ...target, capabilities: known, metricProfile: fitting, endSeconds, stepSeconds, rows, dropsInactive: !isEndGiven }),
    layers.detect({ ...target, atSeconds: endSeconds, mayShareNames: true }),
    evidence.read({ ...target, endSeconds, days, extras: allEvidence }),
  ]);
  return {
    ...writeUsageFile(table!, subjectOf(experiment)),
    ...(found!.length > 0 && { layers: found }),
    evidence: writeEvidence(seen!),
  };
}

function settingsOf({ datasourceUrl }: UsageOptions): Settings {
  const given = { DATASOURCE_RETRY_MS: retryMs, LOG_LEVEL: 'warn', ...process.env };
  if (datasourceUrl === undefined) return readSettings(given);
  const fault = httpUrl.safeParse(datasourceUrl).error?.issues[0]?.message;
  if (fault) throw new Error(`--datasource-url: ${fault}`);
  return readSettings({ ...given, PROMETHEUS_URL: datasourceUrl, DATASOURCES_FILE: '' });
}

/** Returns the datasource named in the options, or else by the experiment, or else the only one. */
function datasourceOf(settings: Settings, { datasourceUrl, datasource: named }: UsageOptions, experiment: Experiment): Datasource {
  const all = new Datasources(settings).all();
  const name = datasourceUrl === undefined ? (named ?? (experiment.datasource || undefined)) : undefined;
  const found = name === undefined && all.length === 1 ? all[0] : all.find((datasource) => datasource.name === name);
  if (found) return found;
  const known = all.map((datasource) => datasource.name).join(', ') || 'none';
  throw new Error(`no datasource selected: pass --datasource-url, or --datasource with a name from the settings (configured: ${known})`);
}

function subjectOf(experiment: Experiment) {
  if (experiment.type === 'namespace') return experiment;
  const { image: _, ...known } = experiment;
  return known;
}

/** The number of pods is not known here. It only decides how queries are split, and a high number costs little. */
const assumedPods = 20;

/** `%datasource%|%clustername%|%namespace%|%workloadname%(%workloadtype%)|%containername%`, the default format of names. */
const fullName =
  /^(?<datasource>[^|]*)\|(?<clusterName>[^|]*)\|(?<namespace>[^|]+)\|(?<workload>[^|]+)\((?<workloadType>[^|()]+)\)\|(?<container>[^|]+)$/;
const fullNamespaceName = /^(?<datasource>[^|]*)\|(?<clusterName>[^|]*)\|(?<namespace>[^|]+)$/;
const shortName = /^(?<namespace>[^|/]+)\/(?<workloadType>[^|/]+)\/(?<workload>[^|/]+)\/(?<container>[^|/]+)$/;
const namespaceName = /^(?<namespace>[^|/]+)$/;

/**
 * Parses an experiment's name: `namespace/kind/workload/container`, `namespace`, or a name in the default format, with datasource and cluster.
 * Returns undefined for any other text.
 */
export function readExperimentName(text: string): Experiment | undefined {
  const found = [fullName, fullNamespaceName, shortName, namespaceName].map((pattern) => pattern.exec(text)?.groups).find(Boolean);
  const { namespace, workload, workloadType, container, datasource = '', clusterName = 'default' } = found ?? {};
  if (namespace === undefined) return undefined;
  const base = { name: text, datasource, clusterName, namespace, pods: assumedPods };
  if (workload === undefined || workloadType === undefined || container === undefined) return { type: 'namespace', ...base };
  return { type: 'container', ...base, workload, workloadType, container, image: '' };
}

/** Options of `rightsizer usage`, not parsed yet. */
export interface UsageOptions {
  readonly datasourceUrl?: string;
  readonly datasource?: string;
  /** ISO 8601 with Z or an offset. */
  readonly end?: string;
  readonly days?: string;
  /** Minutes. */
  readonly step?: string;
  readonly metricProfile?: string;
  readonly output?: string;
}

/** The window of usage to read. */
export interface UsageWindow {
  readonly endSeconds: number;
  readonly isEndGiven: boolean;
  readonly days: number;
  readonly stepMinutes: number;
  readonly metricProfile: string;
}

const defaultProfile = 'resource-optimization-local-monitoring';

/**
 * Parses the options; throws an Error that names an invalid option. If `isAligned` (the setting ALIGN_END), the current time is rounded down to a step,
 * as in a job; a given end is not rounded.
 */
export function readUsageOptions(
  { end, days = '15', step = '15', metricProfile = defaultProfile }: UsageOptions,
  now: Date,
  isAligned: boolean,
): UsageWindow {
  // Without an offset, the time would depend on the time zone of the machine.
  const hasOffset = end === undefined || /T.*(Z|[+-]\d{2}:?\d{2})$/i.test(end);
  const endMs = end === undefined ? now.getTime() : Date.parse(end);
  if (Number.isNaN(endMs) || !hasOffset) {
    throw new Error(`--end ${end}: expected an ISO 8601 time with Z or an offset, such as 2026-01-31T12:00:00Z`);
  }
  const endSeconds = Math.floor(endMs / 1000);
  const isStep = (minutes: number) => Number.isInteger(minutes) && minutes >= 2 && minutes <= 1440;
  const stepMinutes = numberIn('--step', step, 'a whole number of minutes from 2 to 1440', isStep);
  return {
    endSeconds: end === undefined && isAligned ? endSeconds - (endSeconds % (stepMinutes * 60)) : endSeconds,
    isEndGiven: end !== undefined,
    days: numberIn('--days', days, 'a number above 0, at most 365', (number) => number > 0 && number <= 365),
    stepMinutes,
    metricProfile,
  };
}

function numberIn(option: string, text: string, rule: string, holds: (number: number) => boolean): number {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isNaN(number) || !holds(number)) throw new Error(`${option} ${text}: expected ${rule}`);
  return number;
}
