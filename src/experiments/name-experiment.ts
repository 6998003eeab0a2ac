import { createHash } from 'node:crypto';

/** What the placeholders of `experimentNameFormat` stand for; a namespace experiment has no workload and no container. */
export interface NameParts {
  readonly datasource: string;
  readonly clusterName: string;
  readonly namespace: string;
  readonly workload?: string;
  readonly workloadType?: string;
  readonly container?: string;
  /** `filter.include.labels` of the request, for `%label:key%`. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** PostgreSQL's index entries hold 2,704 bytes. */
const maxBytes = 2_500;

/**
 * The name of an experiment after Kruize's format (spec: bulk-and-kafka.md 3.7). Without labels `%label:key%` stays as it is;
 * a key that the labels lack becomes `unknown<key>`. Where a namespace experiment leaves placeholders empty, `()` and separators around them go.
 */
export function nameExperiment(format: string, parts: NameParts): string {
  const values: Readonly<Record<string, string | undefined>> = {
    datasource: parts.datasource,
    clustername: parts.clusterName,
    namespace: parts.namespace,
    workloadname: parts.workload ?? '',
    workloadtype: parts.workloadType ?? '',
    containername: parts.container ?? '',
  };
  const cut = parts.workload === undefined ? withoutWorkload(format) : format;
  const name = cut.replaceAll(/%(label:)?([a-zA-Z0-9_]+)%/g, (placeholder, isLabel, key) =>
    isLabel ? labelValue(placeholder, key, parts.labels) : (own(values, key) ?? placeholder),
  );
  return shortened(name);
}

function labelValue(placeholder: string, key: string, labels: NameParts['labels']): string {
  if (!labels || Object.keys(labels).length === 0) return placeholder;
  return own(labels, key) ?? `unknown${key}`;
}

/** A format may say `%constructor%`: what every object inherits is no value. */
function own(values: Readonly<Record<string, string | undefined>>, key: string): string | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

function withoutWorkload(format: string): string {
  return format
    .replaceAll(/%(workloadname|workloadtype|containername)%/g, '')
    .replaceAll('()', '')
    .replaceAll(/\|{2,}/g, '|')
    .replaceAll(/^\||\|$/g, '');
}

/** A name too long for an index keeps its beginning; a hash keeps it unique. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= maxBytes) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return `${Buffer.from(name).subarray(0, maxBytes).toString('utf8').replaceAll('\uFFFD', '')}~${hash}`;
}
