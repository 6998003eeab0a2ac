import type { Capabilities } from '../datasource/capabilities.js';
import type { Datasource } from '../datasource/datasource.js';
import type { Experiment } from '../experiments/experiment.js';
import type { UsageTable } from '../recommendation/usage-table.js';
import type { TaskWindows } from './cache/copy-rows.js';

/** What usage to read: of these experiments, at `rows` instants `stepSeconds` apart, the last at `endSeconds`. */
export interface UsageRequest {
  readonly datasource: Datasource;
  readonly capabilities: Capabilities;
  readonly metricProfile: string;
  readonly experiments: readonly Experiment[];
  readonly endSeconds: number;
  readonly stepSeconds: number;
  readonly rows: number;
  /** Containers without any CPU activity get an empty table, as with Kruize's maxDate. Only if the request has no end. */
  readonly dropsInactive: boolean;
  /** Replace stored windows instead of using them. */
  readonly refresh?: boolean;
  /** Stored windows of the experiments, and windows to store; absent = nothing is stored. */
  readonly windows?: TaskWindows;
  /** Called if the datasource does not deliver chunks although its capabilities include them. */
  readonly onBrokenChunks?: (reason: string) => void;
}

/** Reads usage from a datasource, by batched PromQL or from raw chunks. */
export abstract class UsageReader {
  /** Returns one table per experiment, in order. Rejects with a DatasourceError; `too-large` = try again with fewer experiments. */
  abstract read(request: UsageRequest, signal?: AbortSignal): Promise<UsageTable[]>;
}
