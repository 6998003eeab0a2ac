import type { UsageTable } from '../../src/recommendation/usage-table.js';
import { readSettings } from '../../src/settings/read-settings.js';
import { openSizer } from '../../src/sizing/open-sizer.js';
import type { UsageRequest } from '../../src/usage/usage-reader.js';

type Asked = Omit<UsageRequest, 'capabilities'>;

/** The service's readers of usage, as the service puts them together, each for a datasource that it probes. */
export function usageReaders(scope: 'workload' | 'container') {
  const { capabilities, profiles, chain, close } = openSizer(readSettings({ USAGE_SCOPE: scope }));
  const capable = async (request: Asked): Promise<UsageRequest> => ({
    ...request,
    capabilities: await capabilities.of(request.datasource, undefined, request.endSeconds),
  });
  return {
    promql: { read: async (request: Asked): Promise<UsageTable[]> => chain.promql.read(await capable(request)) },
    chunks: { read: async (request: Asked): Promise<UsageTable[]> => chain.chunks.read(await capable(request)) },
    /** With the metric profile that fits the datasource's recording rules, as a job reads. */
    whole: {
      read: async (request: Asked): Promise<UsageTable[]> => {
        const known = await capable(request);
        return chain.read({ ...known, metricProfile: profiles.fitting(request.metricProfile, known.capabilities.rules) });
      },
    },
    capabilities,
    close,
  };
}
