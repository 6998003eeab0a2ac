import type { ExperimentDocument } from '../experiments/experiment-document.js';
import type { Notifications } from '../experiments/notification.js';
import { isSelected, parseSelection, selectFields } from '../experiments/select-fields.js';
import type { Settings } from '../settings/settings-schema.js';

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
