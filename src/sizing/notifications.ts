import { DatasourceError } from '../datasource/datasource-error.js';
import type { Notification, Notifications } from '../experiments/experiment.js';

/** Notifications of jobs by key, with type, code and text. Kruize's texts where they exist. */
export const jobNotifications = {
  nothingToDo: () => ({ '200': info(400, 'Nothing to do.') }),
  limitExceeded: () => ({ '400': info(400, 'The number of experiments exceeds the defined limit.') }),
  unknownDatasource: (name: string) => ({
    '400': error(400, `Datasource not registered with Kruize. (Datasource is either missing or is invalid: ${name})`),
  }),
  unknownMetadataProfile: (name: string) => ({
    '400': error(400, `Metadata profile not found. (Metadata profile name either does not exist or is not valid: ${name})`),
  }),
  waits: (jobId: string) => ({ '102': info(102, `Waits for its turn: the job ${jobId} with the same key goes first.`) }),
  cancelled: () => ({ '499': error(499, 'cancelled') }),
  deadlinePassed: (deadline: string) => ({ '504': error(504, `The job did not end within its deadline of ${deadline}.`) }),
  partialAnswer: (datasource: string, warnings: readonly string[]) => ({
    '206': warning(206, `The data source ${datasource} returned a partial result: ${warnings.join('; ')}`),
  }),
  webhookTooLarge: (maxBytes: number, link: string) => ({
    '413': warning(413, `Truncated: the complete body would exceed ${maxBytes} bytes; GET ${link} returns all of it.`),
  }),
  summaryNotPublished: (reason: Error) => ({ '500': error(500, `The summary was not published: ${reason.message}`) }),
  failure: (reason: unknown) => byCode(describeFailure(reason)),
} as const satisfies Record<string, (...args: never[]) => Notifications>;

/** Notifications of one failed experiment. */
export const experimentNotifications = {
  nameClash: (name: string, others: readonly string[]) => ({
    '409': error(409, `Not able to proceed: ${others.length} different experiments would be named ${name}: ${others.join(', ')}`),
  }),
  failure: (reason: unknown) => {
    const { code, message } = describeFailure(reason);
    return byCode(error(code, `Not able to proceed due to. (${message})`));
  },
} as const satisfies Record<string, (...args: never[]) => Notifications>;

/** Kruize's texts, by code. */
const prefixes: Readonly<Record<number, string>> = {
  503: 'HttpHostConnectException: Unable to connect to the data source. Please try again later.',
  504: 'SocketTimeoutException: request timed out waiting for a data source response.',
};

function describeFailure(reason: unknown): Notification {
  const message = reason instanceof Error ? reason.message : String(reason);
  if (!(reason instanceof DatasourceError)) return error(500, message);
  const prefix = prefixes[reason.code];
  return error(reason.code, prefix ? `${prefix} (${message})` : message);
}

function byCode(notification: Notification): Notifications {
  return { [notification.code]: notification };
}

function error(code: number, message: string): Notification {
  return { type: 'ERROR', message, code };
}

function warning(code: number, message: string): Notification {
  return { type: 'WARNING', message, code };
}

function info(code: number, message: string): Notification {
  return { type: 'INFO', message, code };
}
