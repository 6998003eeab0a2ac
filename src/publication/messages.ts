import type { ExperimentDocument } from '../experiments/experiment-document.js';
import type { Notifications } from '../experiments/notification.js';
import { renderJson } from '../experiments/raw-json.js';
import type { Settings } from '../settings/settings-schema.js';
import { type CloudEventSettings, encodeEvent } from './cloud-event.js';
import { type JobSummary, summaryCuts, withCutNotice } from './cut-summary.js';
import {
  type ExperimentPart,
  type FilterSettings,
  failureContent,
  filteredContent,
  isFiltered,
  recommendationContent,
} from './record-content.js';
import { withoutPlots } from './without-plots.js';

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
