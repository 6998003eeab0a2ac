import { isSelected, parseSelection, RawJson, renderJson, selectFields } from '../experiments/documents.js';
import type { ExperimentDocument, Notifications } from '../experiments/experiment.js';
import type { Settings } from '../settings/settings-schema.js';
import { type CloudEventSettings, encodeEvent } from './cloud-event.js';

/** What the records tell: the topic of each kind and its CloudEvents type. */
export const recordKinds = {
  recommendation: { topic: 'KAFKA_TOPIC_RECOMMENDATIONS', ceType: 'io.rightsizer.recommendation.generated' },
  failure: { topic: 'KAFKA_TOPIC_ERROR', ceType: 'io.rightsizer.experiment.failed' },
  jobFailure: { topic: 'KAFKA_TOPIC_ERROR', ceType: 'io.rightsizer.job.failed' },
  summary: { topic: 'KAFKA_TOPIC_SUMMARY', ceType: 'io.rightsizer.job.summary' },
} as const;
export type RecordKind = keyof typeof recordKinds;

/** The settings that decide what messages look like. */
export type MessageSettings = CloudEventSettings &
  FilterSettings &
  Pick<Settings, 'KAFKA_TOPIC_RECOMMENDATIONS' | 'KAFKA_TOPIC_ERROR' | 'KAFKA_TOPIC_SUMMARY'>;

/** One Kafka record, byte-equal whenever it is made of the same inputs. */
export interface Message {
  readonly kind: RecordKind;
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What goes out in its place when it is too large, and why; absent: nothing smaller tells the same. */
  readonly smaller?: (reason: string) => Message;
}

export interface ExperimentMessageInput extends ExperimentPart {
  /** Time of the shard's commit: ISO-8601, UTC, milliseconds. */
  readonly time: string;
}

/** What records say that could not go out as they were. */
const notices = {
  withoutPlots: (reason: string) => ({
    '206': { type: 'INFO', message: `Published without plots; GET /bulk has them. ${reason}`, code: 206 },
  }),
  cut: (reason: string) => ({ '413': { type: 'WARNING', message: `Cut to fit its topic; GET /bulk has all of it. ${reason}`, code: 413 } }),
  tooLarge: (reason: string) => ({ '413': { type: 'ERROR', message: `Recommendation not published. ${reason}`, code: 413 } }),
} as const satisfies Record<string, (reason: string) => Notifications>;

/** Record of one sized experiment. Too large, it goes out without plots; still too large, an error record takes its place. */
export function recommendationMessage(input: ExperimentMessageInput, settings: MessageSettings): Message {
  const content = isFiltered(settings) ? filteredContent(input, settings) : recommendationContent(input);
  return {
    ...encode('recommendation', input, content, settings),
    smaller: (reason) => recommendationWithoutPlots(input, reason, settings),
  };
}

/** Record of one failed experiment, its notifications tell why. */
export function failureMessage(input: ExperimentMessageInput, settings: MessageSettings): Message {
  const plain = encode('failure', input, failureContent(input), settings);
  if (!isFiltered(settings)) return plain;
  return { ...encode('failure', input, filteredContent(input, settings), settings), smaller: () => plain };
}

/** Error record of a job that failed as a whole. Too large, its notifications are cut. */
export function jobFailureMessage(
  { jobId, time, notifications }: { jobId: string; time: string; notifications: Notifications },
  settings: MessageSettings,
): Message {
  return cuttable('jobFailure', { jobId, time }, { status: 'FAILED', job_id: jobId, notifications }, settings);
}

/** The job's summary, sent after all its records are acknowledged. Always the summary, whatever filter is set. Too large, its input and notifications are cut. */
export function summaryMessage(
  { jobId, time, summary }: { jobId: string; time: string; summary: JobSummary },
  settings: MessageSettings,
): Message {
  return cuttable('summary', { jobId, time }, summary, settings);
}

/** A record of the job as a whole, with its smaller forms. */
function cuttable(
  kind: 'summary' | 'jobFailure',
  about: { jobId: string; time: string },
  summary: JobSummary,
  settings: MessageSettings,
  [cut, ...further] = summaryCuts,
  notice: Notifications = {},
): Message {
  const shown = Object.keys(notice).length === 0 ? summary : withCutNotice(summary, notice);
  const message = encode(kind, about, { summary: shown }, settings);
  if (!cut) return message;
  return { ...message, smaller: (reason) => cuttable(kind, about, cut(summary), settings, further, notices.cut(reason)) };
}

function recommendationWithoutPlots(input: ExperimentMessageInput, reason: string, settings: MessageSettings): Message {
  const notice = notices.withoutPlots(reason);
  const experiment = withNotice(withoutPlots(input.experiment), notice);
  const part = { ...input, experiment };
  const content = isFiltered(settings) ? filteredContent(part, settings, notice) : recommendationContent(part);
  return {
    ...encode('recommendation', input, content, settings),
    smaller: (stillTooLarge) => publishFailed(input, stillTooLarge, settings),
  };
}

/** The smallest word on an experiment: that its record could not be published, and why. A filter does not apply to it. */
function publishFailed(input: ExperimentMessageInput, reason: string, settings: MessageSettings): Message {
  const experiment = { ...withNotice(input.experiment, notices.tooLarge(reason)), status: 'PUBLISH_FAILED' as const };
  return encode('failure', input, failureContent({ ...input, experiment }), settings);
}

function withNotice(experiment: ExperimentDocument, notice: Notifications): ExperimentDocument {
  return { ...experiment, notifications: { ...experiment.notifications, ...notice } };
}

function encode(
  kind: RecordKind,
  about: { jobId: string; time: string; experiment?: ExperimentDocument },
  content: object,
  settings: MessageSettings,
): Message {
  const { topic, ceType } = recordKinds[kind];
  const { jobId, time } = about;
  const experiment = about.experiment?.name;
  const event = { type: ceType, jobId, experiment, time };
  return { kind, topic: settings[topic], key: experiment ?? jobId, ...encodeEvent(event, renderJson(content), settings) };
}

/** The members of a summary that may be large; all others are numbers and names. */
export interface JobSummary {
  readonly notifications?: Notifications;
  readonly input?: object;
  readonly [member: string]: unknown;
}

/** Longest notification of a cut summary, in characters, and how many are kept. */
const cutText = 200;
const cutCount = 5;

/** Cuts, applied in order until the summary fits: drop the input, then keep few, short notifications, then drop them. */
export const summaryCuts: readonly ((summary: JobSummary) => JobSummary)[] = [
  ({ input: _, ...rest }) => rest,
  ({ notifications = {}, ...rest }) => {
    const kept = Object.entries(notifications).slice(0, cutCount);
    return {
      ...rest,
      notifications: Object.fromEntries(kept.map(([key, each]) => [key, { ...each, message: each.message.slice(0, cutText) }])),
    };
  },
  ({ notifications: _, ...rest }) => rest,
];

/** Adds the notification that says how the summary was cut. */
export function withCutNotice(summary: JobSummary, notice: Notifications): JobSummary {
  return { ...summary, notifications: { ...summary.notifications, ...notice } };
}

export type FilterSettings = Pick<Settings, 'KAFKA_RESPONSE_FILTER_INCLUDE' | 'KAFKA_RESPONSE_FILTER_EXCLUDE'>;

/** One experiment of a job, with the parts of the job that a filter may ask for. */
export interface ExperimentPart {
  readonly jobId: string;
  readonly experiment: ExperimentDocument;
  /** The whole `summary` section of the job, frozen when the shard committed. */
  readonly summary: object;
  /** The whole `metadata` section of the job. */
  readonly metadata?: object;
}

/** Sections that stay where only KAFKA_RESPONSE_FILTER_EXCLUDE is set: those of the default content. */
const defaultSections = 'summary,experiments';

/** Content of a recommendations record (contract: Records by default). */
export function recommendationContent({ jobId, experiment }: ExperimentPart): object {
  const { name, status, apis, status_history } = experiment;
  return aboutOne(jobId, name, {
    name,
    status,
    apis: { recommendations: apis.recommendations },
    notifications: unlessEmpty(experiment.notifications),
    status_history,
  });
}

/** Content of an error record of one experiment (contract: Records by default). */
export function failureContent({ jobId, experiment }: ExperimentPart): object {
  const { name, status, notifications, status_history } = experiment;
  return aboutOne(jobId, name, { name, status, notifications, status_history });
}

/** Whether the settings replace the default content. */
export function isFiltered(settings: FilterSettings): boolean {
  return settings.KAFKA_RESPONSE_FILTER_INCLUDE !== undefined || settings.KAFKA_RESPONSE_FILTER_EXCLUDE !== undefined;
}

/**
 * The content that KAFKA_RESPONSE_FILTER_INCLUDE and _EXCLUDE ask for, in the grammar of GET /bulk.
 * `notices` stand in the experiment whatever the filter says.
 */
export function filteredContent(
  { experiment, summary, metadata }: ExperimentPart,
  settings: FilterSettings,
  notices?: Notifications,
): object {
  const selection = parseSelection(settings.KAFKA_RESPONSE_FILTER_INCLUDE ?? defaultSections, settings.KAFKA_RESPONSE_FILTER_EXCLUDE);
  const selected = selectFields(selection, 'experiments', experiment) as Partial<ExperimentDocument>;
  const shown = notices ? { ...selected, notifications: { ...selected.notifications, ...notices } } : selected;
  return {
    summary: isSelected(selection, 'summary') ? selectFields(selection, 'summary', summary) : undefined,
    experiments: isSelected(selection, 'experiments') || notices ? { [experiment.name]: shown } : undefined,
    metadata: metadata && isSelected(selection, 'metadata') ? selectFields(selection, 'metadata', metadata) : undefined,
  };
}

function aboutOne(jobId: string, name: string, experiment: object): object {
  return { summary: { status: 'IN_PROGRESS', job_id: jobId }, experiments: { [name]: experiment } };
}

function unlessEmpty(notifications: Notifications | undefined): Notifications | undefined {
  return notifications && Object.keys(notifications).length > 0 ? notifications : undefined;
}

/** The experiment without the plots of its recommendations; everything else stays. */
export function withoutPlots(experiment: ExperimentDocument): ExperimentDocument {
  const { response } = experiment.apis.recommendations;
  if (!response) return experiment;
  return { ...experiment, apis: { ...experiment.apis, recommendations: { response: new RawJson(dropPlots(response.text)) } } };
}

/** A term that a user named "plots" is no plot: a plot is told by its `plots_data`. */
function dropPlots(json: string): string {
  return JSON.stringify(JSON.parse(json, (key, value) => (key === 'plots' && value?.plots_data !== undefined ? undefined : value)));
}
