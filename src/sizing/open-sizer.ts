import { BrokenChunks, CapabilityCache } from '../datasource/capabilities.js';
import { DatasourceClient } from '../datasource/datasource-client.js';
import { DatasourceHttp } from '../datasource/datasource-http.js';
import { Discovery } from '../discovery/discovery.js';
import { KeptDays } from '../discovery/kept-days.js';
import { SeriesFinder } from '../discovery/series-finder.js';
import { Layers } from '../profiles/layer.js';
import { MetricProfiles } from '../profiles/metric-profile.js';
import type { Settings } from '../settings/settings-schema.js';
import { StoredUsageReader } from '../usage/cache/read-through.js';
import { EvidenceReader } from '../usage/evidence-reader.js';
import { LayerDetector } from '../usage/layer-detector.js';
import { UsageChain } from '../usage/usage-chain.js';
import { measureShard, type ShardReaders } from './measure-shard.js';
import type { Discovered, DiscoverTask, Sizer } from './sizer.js';

/** A Sizer that works in this thread, with its parts. */
export interface LocalSizer extends Sizer, ShardReaders {
  readonly profiles: MetricProfiles;
  readonly chain: UsageChain;
  readonly finder: SeriesFinder;
  readonly client: DatasourceClient;
  readonly capabilities: CapabilityCache;
  /** Closes the connections to datasources. */
  close(): void;
}

/**
 * Wires everything that reads datasources, for the service, its threads, the command line, tests and the benchmark. Uses neither Nest nor the database.
 * Throws a ConfigError for faulty profiles or layers.
 */
export function openSizer(settings: Settings): LocalSizer {
  const http = new DatasourceHttp(settings);
  const client = new DatasourceClient(http);
  const profiles = new MetricProfiles(settings);
  const broken = new BrokenChunks();
  const chain = new UsageChain(client, profiles, settings, broken);
  const readers = {
    usage: new StoredUsageReader(chain, profiles, settings),
    layers: new LayerDetector(client, new Layers(settings), settings),
    evidence: new EvidenceReader(client, settings),
  };
  const finder = new SeriesFinder(client, broken);
  const discovery = new Discovery(finder, settings);
  return {
    ...readers,
    profiles,
    chain,
    finder,
    client,
    capabilities: new CapabilityCache(client, http),
    discover: (task, signal) => discover(discovery, task, signal),
    measure: (task, signal) => measureShard(readers, task, signal),
    lastAnswerAt: (datasource) => http.lastAnswerAt(datasource),
    close: () => http.close(),
  };
}

async function discover(discovery: Discovery, { keptDays, ...request }: DiscoverTask, signal: AbortSignal): Promise<Discovered> {
  const days = keptDays && new KeptDays(keptDays);
  let brokenChunks: string | undefined;
  const onBrokenChunks = (reason: string) => {
    brokenChunks = reason;
  };
  const found = await discovery.discover({ ...request, onBrokenChunks }, signal, days);
  return { ...found, days: days?.fresh ?? new Map(), ...(brokenChunks !== undefined && { brokenChunks }) };
}
