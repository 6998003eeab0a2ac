import type { Capabilities } from '../datasource/capabilities.js';
import type { Datasource } from '../datasource/datasource.js';
import type { Experiment } from '../experiments/experiment.js';
import type { UsageTable } from '../recommendation/usage-table.js';
import type { TaskWindows } from './cache/copy-rows.js';

/** Which usage is wanted: of these experiments, `rows` instants `stepSeconds` apart, the last at `endSeconds`. */
export interface UsageRequest {
  readonly datasource: Datasource;
  readonly capabilities: Capabilities;
  readonly metricProfile: string;
  readonly experiments: readonly Experiment[];
  readonly endSeconds: number;
  readonly stepSeconds: number;
  readonly rows: number;
  /** Containers without any CPU activity get an empty table (the reference's maxDate; only where the caller named no end). */
  readonly dropsInactive: boolean;
  /** Stored windows are not used, but replaced. */
  readonly refresh?: boolean;
  /** Stored windows of the experiments, and those to be stored; absent = nothing is stored. */
  readonly windows?: TaskWindows;
  /** Called if the datasource does not deliver the chunks that it is said to have. */
  readonly onBrokenChunks?: (reason: string) => void;
}

/** Reads usage from a datasource. The seam between the ways to do so: batched PromQL, raw chunks. */
export abstract class UsageReader {
  /** One table an experiment, in their order. Rejects with a DatasourceError; `too-large` = ask again for fewer experiments. */
  abstract read(request: UsageRequest, signal?: AbortSignal): Promise<UsageTable[]>;
}
