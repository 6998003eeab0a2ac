import { z } from 'zod';
import { listOf, numberThat, object, sizingSchema, sizingSettingsOf, text } from '../experiments/sizing-settings.js';
import type { Subject } from '../recommendation/recommendations.js';
import {
  defaultMeasurementDurationMinutes,
  defaultThreshold,
  type Evidence,
  type Layer,
  type OomKill,
  type RecommendationSettings,
  recommendationTypes,
} from '../recommendation/settings.js';
import type { UsageTable } from '../recommendation/usage-table.js';
import { readMember, readUsageSeries } from './read-usage-series.js';

/** Input of one recommendation. */
export interface UsageFile {
  readonly usage: UsageTable;
  readonly settings: RecommendationSettings;
  readonly subject: Subject;
  readonly evidence: Evidence;
}

/** Layers by the file names of Kruize's layer configurations. */
const layerFiles: Readonly<Record<string, Layer>> = {
  'container-config.json': 'container',
  'hotspot-micrometer-config.json': 'hotspot',
  'semeru-actuator-config.json': 'semeru',
  'quarkus-micrometer-config.json': 'quarkus',
};

const layerSchema = text.transform((name, context): Layer => {
  const known = Object.hasOwn(layerFiles, name) ? layerFiles[name] : Object.values(layerFiles).find((each) => each === name);
  if (known) return known;
  context.addIssue({ code: 'custom', message: `unknown layer "${name}"; expected one of ${Object.keys(layerFiles).join(', ')}` });
  return z.NEVER;
});

/** `yyyy-MM-ddTHH:mm:ss.SSSZ`, transformed to Unix seconds without the milliseconds. */
const instantSchema = text.transform((given, context) => {
  const milliseconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(given) ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(milliseconds)) {
    context.addIssue({ code: 'custom', message: `Given timestamp - " ${given} " is not a valid timestamp format` });
  }
  return Math.floor(milliseconds / 1000);
});
const unixSeconds = numberThat('Unix seconds', (seconds) => seconds > 0 && seconds < 1e11);

const killSchema = object({ at_seconds: unixSeconds, limit_bytes: numberThat('bytes above 0', (bytes) => bytes > 0 && bytes <= 1e18) });
const resourceSchema = z.enum(recommendationTypes.resources, { error: `expected one of ${recommendationTypes.resources.join(', ')}` });

/** `{oom_kills: [{at_seconds, limit_bytes}], hpa_resources: ["cpu"]}`; absent = none. */
export const evidenceSchema = object({
  oom_kills: listOf(killSchema, 'expected a list').nullish(),
  hpa_resources: listOf(resourceSchema, 'expected a list').nullish(),
})
  .nullish()
  .transform(
    (evidence): Evidence => ({
      oomKills: (evidence?.oom_kills ?? []).map(
        ({ at_seconds, limit_bytes }): OomKill => ({ atSeconds: at_seconds, limitBytes: limit_bytes }),
      ),
      hpaResources: evidence?.hpa_resources ?? [],
    }),
  );

/** The schema of a member that may be absent or null; `absent` replaces it. */
function withDefault<S extends z.ZodType>(schema: S, absent: z.output<S>) {
  return schema.nullish().transform((value): z.output<S> => value ?? absent);
}

/** Members of a usage file besides its samples. The default names are those of Kruize's fixtures. */
const fileSchema = z.object(
  {
    ...sizingSchema.shape,
    experiment_type: withDefault(z.enum(['container', 'namespace'], { error: 'expected container or namespace' }), 'container'),
    experiment_name: withDefault(text, 'exp1'),
    cluster_name: withDefault(text, 'default'),
    namespace: text,
    // Checked in files of containers only.
    workload: z.unknown().optional(),
    workload_type: z.unknown().optional(),
    container: z.unknown().optional(),
    image: z.unknown().optional(),
    now: unixSeconds.nullish(),
    interval_end_time: instantSchema.nullish(),
    no_maxdate: withDefault(z.boolean({ error: 'expected true or false' }), false),
    step_min: withDefault(
      numberThat('a whole number of minutes from 2 to 1440', (minutes) => Number.isInteger(minutes) && minutes >= 2 && minutes <= 1440),
      defaultMeasurementDurationMinutes,
    ),
    threshold: withDefault(
      numberThat('a number', () => true),
      defaultThreshold,
    ),
    layers: withDefault(listOf(layerSchema, 'expected a list'), []),
    evidence: evidenceSchema,
    series: z.unknown().optional(),
  },
  { error: 'expected an object' },
);
type FileMembers = z.output<typeof fileSchema>;
const seriesMembers = z.record(z.string(), z.unknown(), { error: 'expected an object' });

/** Reads a usage file (parsed JSON): one experiment's samples and settings. Throws a UsageFileError that names the faulty field. */
export function readUsageFile(json: unknown): UsageFile {
  const file = readMember(fileSchema, json);
  const { no_maxdate: wasIdle, evidence } = file;
  const end = file.interval_end_time ?? undefined;
  const nowSeconds = Math.floor(file.now ?? end ?? readMember(unixSeconds, file.now, 'now'));
  const settings: RecommendationSettings = {
    experimentType: file.experiment_type,
    measurementDurationMinutes: file.step_min,
    threshold: file.threshold,
    ...sizingSettingsOf(file),
    layers: file.layers,
    plots: true,
  };
  const times = {
    endSeconds: end ?? nowSeconds,
    stepSeconds: settings.measurementDurationMinutes * 60,
    ...(!wasIdle && { acceleratorEndSeconds: nowSeconds }),
  };
  // Without a given end, Kruize first queries the last activity. If there was none in 15 days, it reads no samples.
  const hasSamples = !wasIdle || end !== undefined;
  const series = hasSamples ? readMember(seriesMembers, file.series, 'series') : {};
  return { usage: readUsageSeries(series, settings, times), settings, subject: subjectOf(file), evidence };
}

/** The image of a file that names neither it nor a workload is that of Kruize's fixtures. */
function subjectOf(file: FileMembers): Subject {
  const { experiment_type: type, experiment_name: name, cluster_name: clusterName, namespace } = file;
  if (type === 'namespace') return { type, name, clusterName, namespace };
  const given = (field: 'workload' | 'workload_type' | 'image') => readMember(text.nullish(), file[field], field) ?? undefined;
  const [workload, workloadType = 'deployment'] = [given('workload'), given('workload_type')];
  const container = readMember(text, file.container, 'container');
  const image = given('image') ?? (workload ? undefined : 'img:1');
  const base = { type, name, clusterName, namespace, workload: workload ?? 'wl', workloadType, container };
  return { ...base, ...(image !== undefined && { image }) };
}
