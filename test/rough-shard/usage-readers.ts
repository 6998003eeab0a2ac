import type { UsageTable } from '../../src/recommendation/usage-table.js';
import { readSettings } from '../../src/settings/read-settings.js';
import { openSizer } from '../../src/sizing/open-sizer.js';
import type { UsageRequest } from '../../src/usage/usage-reader.js';

type ProbedRequest = Omit<UsageRequest, 'capabilities'>;

/** The service's usage readers, wired as in the service. Each probes the datasource first. */
export function usageReaders(scope: 'workload' | 'container') {
  const { capabilities, profiles, chain: usageChain, close } = openSizer(readSettings({ USAGE_SCOPE: scope }));
  const capable = async (request: ProbedRequest): Promise<UsageRequest> => ({
    ...request,
    capabilities: await capabilities.of(request.datasource, undefined, request.endSeconds),
  });
  return {
    promql: { read: async (request: ProbedRequest): Promise<UsageTable[]> => usageChain.promql.read(await capable(request)) },
    chunks: { read: async (request: ProbedRequest): Promise<UsageTable[]> => usageChain.chunks.read(await capable(request)) },
    /** With the metric profile that fits the datasource's recording rules, as a job reads. */
    chain: {
      read: async (request: ProbedRequest): Promise<UsageTable[]> => {
        const known = await capable(request);
        return usageChain.read({ ...known, metricProfile: profiles.fitting(request.metricProfile, known.capabilities.rules) });
      },
    },
    capabilities,
    close,
  };
}
