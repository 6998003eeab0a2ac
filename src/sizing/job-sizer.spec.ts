import { exampleCapabilities, exampleDatasource } from '../../test/examples.js';
import type { Datasource } from '../datasource/datasource.js';
import { MetadataProfiles } from '../profiles/metadata-profile.js';
import { MetricProfiles } from '../profiles/metric-profile.js';
import { resolveRequest } from './bulk-request.js';
import { JobSizer } from './job-sizer.js';
import type { Discovered, DiscoverTask, Measured, MeasureTask } from './sizer.js';

const never = new AbortController().signal;
const profile = 'resource-optimization-local-monitoring';
const datasource = exampleDatasource({ name: 'prometheus-1', url: 'http://127.0.0.1:9' });
const midnight = Date.parse('2026-11-21T00:00:00Z') / 1000;

/** A JobSizer with fakes, and a record of the calls. */
function jobSizer({
  answeredMs = 5 as number | undefined,
  rules = { cpu: true, owners: true },
  USAGE_STORE = true,
  result = {} as Partial<Measured & Discovered>,
} = {}) {
  const tasks: (MeasureTask | DiscoverTask)[] = [];
  const calls: [string, unknown][] = [];
  const record = (name: string) => (argument: unknown) => void calls.push([name, argument]);
  const capabilities = exampleCapabilities({ rules });
  const stored = new Uint8Array(new SharedArrayBuffer(3));
  const spent = new SharedArrayBuffer(1);
  const sizer = {
    discover: async (task: DiscoverTask): Promise<Discovered> => {
      tasks.push(task);
      return { cluster: { namespaces: [], workloads: [], containers: [] }, warnings: [], days: new Map(), ...result };
    },
    measure: async (task: MeasureTask): Promise<Measured> => {
      tasks.push(task);
      return { measurements: [], memory: [spent], ...result };
    },
    lastAnswerAt: () => 7,
  };
  const cache = {
    of: async (_: Datasource, __?: AbortSignal, atSeconds?: number) => {
      calls.push(['of', atSeconds]);
      return capabilities;
    },
    lastAnswerAt: () => answeredMs,
    demote: (name: string, reason: string) => record('demote')([name, reason]),
  };
  const windows = {
    load: async ({ metricProfile }: { metricProfile: string }) => {
      calls.push(['load', metricProfile]);
      return { stored };
    },
    flush: async () => record('flush')(undefined),
    during: <T>(read: () => Promise<T>) => read(),
    add: (...given: unknown[]) => record('add')(given),
  };
  const days = {
    load: async (keys: readonly string[]) => {
      calls.push(['load days', keys.length]);
      return new Map([['kept', stored]]);
    },
    keep: async (kept: unknown) => record('keep')(kept),
  };
  const job = new JobSizer(sizer, cache, new MetricProfiles({}), windows, days, { USAGE_STORE, USAGE_OVERLAP: 3_600 });
  return { job, tasks, calls, stored, spent };
}

const measureTask = { jobId: 'j', request: resolveRequest({}), datasource, experiments: [], endSeconds: midnight };
const discoverTask = {
  datasource,
  metadataProfile: new MetadataProfiles({}).all()[0]!,
  filter: {},
  measurementSeconds: 900,
  nowSeconds: midnight + 86_400,
  timeRange: { startSeconds: midnight - 4 * 86_400, endSeconds: midnight },
  refresh: false,
};

describe('JobSizer', () => {
  it('probes the rules before the end of the usage', async () => {
    const { job, calls } = jobSizer();
    await job.measure(measureTask, never);
    expect(calls[0]).toEqual(['of', midnight]);
  });

  it.each([
    [{ cpu: true, owners: false }, profile],
    [{ cpu: false, owners: true }, `${profile}-norecordingrules`],
  ])('with the rules %j, reads and stores windows for the profile %s', async (rules, metricProfile) => {
    const { job, tasks, calls, stored } = jobSizer({ rules });
    await job.measure(measureTask, never);
    expect(calls).toContainEqual(['load', metricProfile]);
    expect(tasks).toMatchObject([{ metricProfile, windows: { stored } }]);
  });

  it('stores the windows that a measurement returns, and reuses its memory', async () => {
    const writes = { copy: new Uint8Array(new SharedArrayBuffer(1)), series: [] };
    const { job, calls, spent } = jobSizer({ result: { writes } });
    await job.measure(measureTask, never);
    expect(calls).toContainEqual(['add', [writes, [spent]]]);
  });

  it('neither loads nor stores anything without USAGE_STORE', async () => {
    const { job, tasks, calls } = jobSizer({ USAGE_STORE: false });
    await job.measure(measureTask, never);
    await job.discover(discoverTask, never);
    expect(calls.map(([name]) => name)).toEqual(['of', 'of']);
    expect(tasks.map((task) => ('keptDays' in task ? task.keptDays : (task as MeasureTask).windows))).toEqual([undefined, undefined]);
  });

  it('passes kept days to discovery and keeps the days that it returns', async () => {
    const days = new Map([['fresh', new Uint8Array(2)]]);
    const { job, tasks, calls, stored } = jobSizer({ result: { days } });
    await job.discover(discoverTask, never);
    expect(calls).toContainEqual(['load days', 1]);
    expect(tasks).toMatchObject([{ keptDays: new Map([['kept', stored]]) }]);
    expect(calls).toContainEqual(['keep', days]);
  });

  it('passes no kept days to a refresh', async () => {
    const { job, tasks, calls } = jobSizer();
    await job.discover({ ...discoverTask, refresh: true }, never);
    expect(tasks).toMatchObject([{ keptDays: new Map() }]);
    expect(calls.map(([name]) => name)).toEqual(['of', 'keep']);
    expect(calls[0]).toEqual(['of', midnight]);
  });

  it.each(['discover', 'measure'] as const)('demotes a datasource with broken chunks: %s', async (step) => {
    const { job, calls } = jobSizer({ result: { brokenChunks: 'a reason' } });
    await (step === 'discover' ? job.discover(discoverTask, never) : job.measure(measureTask, never));
    expect(calls).toContainEqual(['demote', ['prometheus-1', 'a reason']]);
  });

  it('stores all windows before the application ends', async () => {
    const { job, calls } = jobSizer();
    await job.beforeApplicationShutdown();
    expect(calls).toEqual([['flush', undefined]]);
  });

  it.each([
    [5, 7],
    [9, 9],
    [undefined, 7],
  ])('knows when the datasource last responded, to a thread or to a probe at %p', (answeredMs, expected) => {
    expect(jobSizer({ answeredMs }).job.lastAnswerAt('prometheus-1')).toBe(expected);
  });
});
