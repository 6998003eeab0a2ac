import { type FieldFault, faultsOf, type SizingSettings, sizingSchema, sizingSettingsOf } from '../experiments/sizing-settings.js';
import type { Subject } from '../recommendation/recommendations.js';
import {
  defaultMeasurementDurationMinutes,
  defaultThreshold,
  type Evidence,
  type Layer,
  noEvidence,
  type OomKill,
  type RecommendationSettings,
  type Resource,
  recommendationTypes,
  type SizedKind,
} from '../recommendation/settings.js';
import type { UsageTable } from '../recommendation/usage-table.js';
import {
  type Fields,
  fieldsOf,
  isGiven,
  type JsonValue,
  listOf,
  member,
  numberOf,
  objectOf,
  readUsageSeries,
  textOf,
  UsageFileError,
} from './read-usage-series.js';

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

/**
 * Reads a usage file: one experiment's samples and settings. `json` is the parsed text.
 * Throws a UsageFileError that names the faulty field.
 */
export function readUsageFile(json: unknown): UsageFile {
  const file = objectOf({ field: '', value: json });
  const of = (name: string) => member(file, '', name);
  const kind = kindOf(of('experiment_type'));
  const settings = settingsOf(of, kind);
  const end = of('interval_end_time');
  // Without a given end, Kruize first queries the last activity. If there was none in 15 days, it reads no samples.
  const wasActive = !flagOf(of('no_maxdate'));
  const isIdle = !isGiven(end) && !wasActive;
  const nowSeconds = isGiven(end) && !isGiven(of('now')) ? secondsOf(end) : Math.floor(nowOf(of('now')));
  const times = {
    endSeconds: isGiven(end) ? secondsOf(end) : nowSeconds,
    stepSeconds: settings.measurementDurationMinutes * 60,
    ...(wasActive && { acceleratorEndSeconds: nowSeconds }),
  };
  const series = isIdle ? {} : objectOf(of('series'));
  return {
    usage: readUsageSeries(series, settings, times),
    settings,
    subject: subjectOf(of, kind),
    evidence: readEvidence(of('evidence')),
  };
}

function settingsOf(of: Fields, kind: SizedKind): RecommendationSettings {
  const isStep = (minutes: number) => Number.isInteger(minutes) && minutes >= 2 && minutes <= 1440;
  return {
    experimentType: kind,
    measurementDurationMinutes: isGiven(of('step_min'))
      ? numberOf(of('step_min'), 'a whole number of minutes from 2 to 1440', isStep)
      : defaultMeasurementDurationMinutes,
    threshold: isGiven(of('threshold')) ? numberOf(of('threshold'), 'a number', () => true) : defaultThreshold,
    ...sizingOf(of),
    layers: isGiven(of('layers')) ? listOf(of('layers')).map(layerOf) : [],
    plots: true,
  };
}

function sizingOf(of: Fields): SizingSettings {
  const names = Object.keys(sizingSchema.shape);
  const read = sizingSchema.safeParse(Object.fromEntries(names.map((name) => [name, of(name).value])));
  if (read.success) return sizingSettingsOf(read.data);
  const [{ field, message }] = faultsOf(read.error) as [FieldFault];
  throw new UsageFileError(field, message);
}

/** Default names in the response, by the field that sets them. They are those of the fixtures. */
const defaultNames = { experiment_name: 'exp1', cluster_name: 'default', workload: 'wl', workload_type: 'deployment' } as const;

function subjectOf(of: Fields, kind: SizedKind): Subject {
  const nameIn = (field: keyof typeof defaultNames) => (isGiven(of(field)) ? textOf(of(field)) : defaultNames[field]);
  const base = { name: nameIn('experiment_name'), clusterName: nameIn('cluster_name'), namespace: textOf(of('namespace')) };
  if (kind === 'namespace') return { type: kind, ...base };
  const workload = { workload: nameIn('workload'), workloadType: nameIn('workload_type'), container: textOf(of('container')) };
  return { type: kind, ...base, ...workload, ...imageOf(of) };
}

/** The image: given, or unknown if the file names a workload, or the fixtures' default. */
function imageOf(of: Fields): { image?: string } {
  if (isGiven(of('image'))) return { image: textOf(of('image')) };
  return isGiven(of('workload')) ? {} : { image: 'img:1' };
}

function kindOf(json: JsonValue): SizedKind {
  const kind = isGiven(json) ? json.value : 'container';
  if (kind === 'container' || kind === 'namespace') return kind;
  throw new UsageFileError(json.field, 'expected container or namespace');
}

function nowOf(json: JsonValue): number {
  return numberOf(json, 'Unix seconds', (seconds) => seconds > 0 && seconds < 1e11);
}

/** Parses `yyyy-MM-ddTHH:mm:ss.SSSZ` to Unix seconds and drops the milliseconds. */
function secondsOf(json: JsonValue): number {
  const text = textOf(json);
  const milliseconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(milliseconds)) throw new UsageFileError(json.field, `Given timestamp - " ${text} " is not a valid timestamp format`);
  return Math.floor(milliseconds / 1000);
}

function flagOf({ field, value }: JsonValue): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw new UsageFileError(field, 'expected true or false');
}

function layerOf(json: JsonValue): Layer {
  const name = textOf(json);
  const layer = Object.hasOwn(layerFiles, name) ? layerFiles[name] : Object.values(layerFiles).find((known) => known === name);
  if (layer) return layer;
  throw new UsageFileError(json.field, `unknown layer "${name}"; expected one of ${Object.keys(layerFiles).join(', ')}`);
}

/** Evidence of a usage file: `{oom_kills: [{at_seconds, limit_bytes}], hpa_resources: ["cpu"]}`; absent = none. Throws a UsageFileError. */
export function readEvidence(json: JsonValue): Evidence {
  if (!isGiven(json)) return noEvidence;
  const of = fieldsOf(objectOf(json, ['oom_kills', 'hpa_resources']), json.field);
  return {
    oomKills: isGiven(of('oom_kills')) ? listOf(of('oom_kills')).map(killOf) : [],
    hpaResources: isGiven(of('hpa_resources')) ? listOf(of('hpa_resources')).map(resourceOf) : [],
  };
}

function killOf(json: JsonValue): OomKill {
  const of = fieldsOf(objectOf(json, ['at_seconds', 'limit_bytes']), json.field);
  return {
    atSeconds: numberOf(of('at_seconds'), 'Unix seconds', (seconds) => seconds > 0 && seconds < 1e11),
    limitBytes: numberOf(of('limit_bytes'), 'bytes above 0', (bytes) => bytes > 0 && bytes <= 1e18),
  };
}

function resourceOf({ field, value }: JsonValue): Resource {
  const resource = recommendationTypes.resources.find((known) => known === value);
  if (resource) return resource;
  throw new UsageFileError(field, `expected one of ${recommendationTypes.resources.join(', ')}`);
}
