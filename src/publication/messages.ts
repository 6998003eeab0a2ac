import { isSelected, parseSelection, RawJson, renderJson, selectFields } from '../experiments/documents.js';
import type { ExperimentDocument, Notifications } from '../experiments/experiment.js';
import type { Settings } from '../settings/settings-schema.js';
import { type CloudEventSettings, encodeEvent } from './cloud-event.js';

/** Kinds of records: the setting of their topic and their CloudEvents type. */
export const recordKinds = {
  recommendation: { topic: 'KAFKA_TOPIC_RECOMMENDATIONS', ceType: 'io.rightsizer.recommendation.generated' },
  failure: { topic: 'KAFKA_TOPIC_ERROR', ceType: 'io.rightsizer.experiment.failed' },
  jobFailure: { topic: 'KAFKA_TOPIC_ERROR', ceType: 'io.rightsizer.job.failed' },
  summary: { topic: 'KAFKA_TOPIC_SUMMARY', ceType: 'io.rightsizer.job.summary' },
} as const;
export type RecordKind = keyof typeof recordKinds;

/** Settings that decide topic, content and format of messages. */
export type MessageSettings = CloudEventSettings &
  FilterSettings &
  Pick<Settings, 'KAFKA_TOPIC_RECOMMENDATIONS' | 'KAFKA_TOPIC_ERROR' | 'KAFKA_TOPIC_SUMMARY'>;

/** One Kafka record. The same inputs give the same bytes. */
export interface Message {
  readonly kind: RecordKind;
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Returns the record to send instead if this one is too large, with the reason in it. Absent if there is no smaller form. */
  readonly smaller?: (reason: string) => Message;
}

export interface ExperimentMessageInput extends ExperimentPart {
  /** Commit time of the shard: ISO 8601, UTC, milliseconds. */
  readonly time: string;
}

/** Notifications of records that were too large to be sent unchanged. */
const notices = {
  withoutPlots: (reason: string) => ({
    '206': { type: 'INFO', message: `Published without plots; GET /bulk has them. ${reason}`, code: 206 },
  }),
  cut: (reason: string) => ({
    '413': { type: 'WARNING', message: `Cut to fit its topic; GET /bulk has the complete text. ${reason}`, code: 413 },
  }),
  tooLarge: (reason: string) => ({ '413': { type: 'ERROR', message: `Recommendation not published. ${reason}`, code: 413 } }),
} as const satisfies Record<string, (reason: string) => Notifications>;

/** Record of one sized experiment. Its smaller form has no plots; the next one is an error record. */
export function recommendationMessage(input: ExperimentMessageInput, settings: MessageSettings): Message {
  const content = isFiltered(settings) ? filteredContent(input, settings) : recommendationContent(input);
  return {
    ...encode('recommendation', input, content, settings),
    smaller: (reason) => recommendationWithoutPlots(input, reason, settings),
  };
}

/** Error record of one failed experiment; its notifications hold the reason. */
export function failureMessage(input: ExperimentMessageInput, settings: MessageSettings): Message {
  const plain = encode('failure', input, failureContent(input), settings);
  if (!isFiltered(settings)) return plain;
  return { ...encode('failure', input, filteredContent(input, settings), settings), smaller: () => plain };
}

/** Error record of a failed job. Smaller forms cut its notifications. */
export function jobFailureMessage(
  { jobId, time, notifications }: { jobId: string; time: string; notifications: Notifications },
  settings: MessageSettings,
): Message {
  return jobMessage('jobFailure', { jobId, time }, { status: 'FAILED', job_id: jobId, notifications }, settings);
}

/** The job's summary, sent after all its records are acknowledged. Filters do not apply to it. Smaller forms cut its input and notifications. */
export function summaryMessage(
  { jobId, time, summary }: { jobId: string; time: string; summary: JobSummary },
  settings: MessageSettings,
): Message {
  return jobMessage('summary', { jobId, time }, summary, settings);
}

/** A record of the job itself, with its smaller forms. */
function jobMessage(
  kind: 'summary' | 'jobFailure',
  about: { jobId: string; time: string },
  summary: JobSummary,
  settings: MessageSettings,
  [cut, ...furtherCuts] = summaryCuts,
  notice?: Notifications,
): Message {
  const shown = notice ? withNotice(summary, notice) : summary;
  const message = encode(kind, about, { summary: shown }, settings);
  if (!cut) return message;
  return { ...message, smaller: (reason) => jobMessage(kind, about, cut(summary), settings, furtherCuts, notices.cut(reason)) };
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

/** The smallest record of an experiment: it says why the recommendation could not be published. Filters do not apply to it. */
function publishFailed(input: ExperimentMessageInput, reason: string, settings: MessageSettings): Message {
  const experiment = { ...withNotice(input.experiment, notices.tooLarge(reason)), status: 'PUBLISH_FAILED' as const };
  return encode('failure', input, failureContent({ ...input, experiment }), settings);
}

/** Adds a notification that says how an experiment or a summary was changed to fit. */
export function withNotice<T extends Pick<JobSummary, 'notifications'>>(shown: T, notice: Notifications): T {
  return { ...shown, notifications: { ...shown.notifications, ...notice } };
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

/** A summary. Only the named members can be large; the others are numbers and names. */
export interface JobSummary {
  readonly notifications?: Notifications;
  readonly input?: object;
  readonly [member: string]: unknown;
}

/** Limits of a cut summary: characters per notification, and number of notifications. */
const maxNotificationChars = 200;
const maxNotifications = 5;

/** Cuts, applied in order until the summary fits: drop the input, shorten the notifications, drop them. */
export const summaryCuts: readonly ((summary: JobSummary) => JobSummary)[] = [
  ({ input: _, ...rest }) => rest,
  ({ notifications = {}, ...rest }) => {
    const kept = Object.entries(notifications).slice(0, maxNotifications);
    return {
      ...rest,
      notifications: Object.fromEntries(
        kept.map(([key, notification]) => [key, { ...notification, message: notification.message.slice(0, maxNotificationChars) }]),
      ),
    };
  },
  ({ notifications: _, ...rest }) => rest,
];

export type FilterSettings = Pick<Settings, 'KAFKA_RESPONSE_FILTER_INCLUDE' | 'KAFKA_RESPONSE_FILTER_EXCLUDE'>;

/** One experiment of a job, with the sections of the job that a filter can select. */
export interface ExperimentPart {
  readonly jobId: string;
  readonly experiment: ExperimentDocument;
  /** The job's complete `summary` section at the time of the shard's commit. */
  readonly summary: object;
  /** The job's complete `metadata` section. */
  readonly metadata?: object;
}

/** Sections to start from if only KAFKA_RESPONSE_FILTER_EXCLUDE is set: those of the default content. */
const defaultSections = 'summary,experiments';

/** Default content of a recommendation record. */
export function recommendationContent({ jobId, experiment }: ExperimentPart): object {
  const { name, status, apis, notifications = {}, status_history } = experiment;
  return experimentContent(jobId, name, {
    name,
    status,
    apis: { recommendations: apis.recommendations },
    notifications: Object.keys(notifications).length > 0 ? notifications : undefined,
    status_history,
  });
}

/** Default content of the error record of one experiment. */
export function failureContent({ jobId, experiment }: ExperimentPart): object {
  const { name, status, notifications, status_history } = experiment;
  return experimentContent(jobId, name, { name, status, notifications, status_history });
}

/** Whether a filter replaces the default content. */
export function isFiltered(settings: FilterSettings): boolean {
  return settings.KAFKA_RESPONSE_FILTER_INCLUDE !== undefined || settings.KAFKA_RESPONSE_FILTER_EXCLUDE !== undefined;
}

/**
 * Returns the content that KAFKA_RESPONSE_FILTER_INCLUDE and _EXCLUDE select, in the syntax of GET /bulk.
 * `notices` are always added to the experiment, whatever the filter selects.
 */
export function filteredContent(
  { experiment, summary, metadata }: ExperimentPart,
  settings: FilterSettings,
  notices?: Notifications,
): object {
  const selection = parseSelection(settings.KAFKA_RESPONSE_FILTER_INCLUDE ?? defaultSections, settings.KAFKA_RESPONSE_FILTER_EXCLUDE);
  const selected = selectFields(selection, 'experiments', experiment) as Partial<ExperimentDocument>;
  const shown = notices ? withNotice(selected, notices) : selected;
  return {
    summary: isSelected(selection, 'summary') ? selectFields(selection, 'summary', summary) : undefined,
    experiments: isSelected(selection, 'experiments') || notices ? { [experiment.name]: shown } : undefined,
    metadata: metadata && isSelected(selection, 'metadata') ? selectFields(selection, 'metadata', metadata) : undefined,
  };
}

function experimentContent(jobId: string, name: string, experiment: object): object {
  return { summary: { status: 'IN_PROGRESS', job_id: jobId }, experiments: { [name]: experiment } };
}

/** Returns the experiment without the plots of its recommendations. */
export function withoutPlots(experiment: ExperimentDocument): ExperimentDocument {
  const { response } = experiment.apis.recommendations;
  if (!response) return experiment;
  // Only plots have `plots_data`; a term can be named "plots" too.
  const kept = JSON.parse(response.text, (key, value) => (key === 'plots' && value?.plots_data !== undefined ? undefined : value));
  return { ...experiment, apis: { ...experiment.apis, recommendations: { response: new RawJson(JSON.stringify(kept)) } } };
}
