import { exampleCapabilities, exampleContainer } from '../../test/examples.js';
import { DatasourceError, type DatasourceFailure } from '../datasource/datasource-error.js';
import { noEvidence } from '../recommendation/settings.js';
import { TableDraft } from '../usage/table-draft.js';
import type { UsageRequest } from '../usage/usage-reader.js';
import { resolveRequest } from './bulk-request.js';
import { measureShard } from './measure-shard.js';
import type { PlannedExperiment } from './plan-experiments.js';
import type { MeasureTask } from './sizer.js';

const experimentNamed = (name: string): PlannedExperiment => ({
  ...exampleContainer({ name, datasource: 'prometheus-1', workload: name }),
  existed: false,
});
const task = (count: number): MeasureTask => ({
  jobId: 'job',
  request: resolveRequest({}),
  datasource: { name: 'prometheus-1', url: 'http://127.0.0.1:9' } as MeasureTask['datasource'],
  experiments: Array.from({ length: count }, (_, index) => experimentNamed(`e${index}`)),
  endSeconds: 1_763_695_800,
  metricProfile: 'resource-optimization-local-monitoring',
  capabilities: exampleCapabilities({ used: 'promql' }),
});

/** A measurer whose datasource fails as `fail` says, with its requests and their sizes. */
function measurerWith(fail: (names: readonly string[]) => Error | undefined) {
  const reads: number[] = [];
  const requests: UsageRequest[] = [];
  const reader = {
    read: async (request: UsageRequest) => {
      reads.push(request.experiments.length);
      requests.push(request);
      const error = fail(request.experiments.map(({ name }) => name));
      if (error) throw error;
      return request.experiments.map(() => new TableDraft(request).finish());
    },
  };
  const layers = { detect: async ({ experiments }: { experiments: readonly unknown[] }) => experiments.map(() => []) };
  const evidence = { read: async ({ experiments }: { experiments: readonly unknown[] }) => experiments.map(() => noEvidence) };
  const readers = { usage: reader, layers, evidence } as never;
  const measure = async (task: MeasureTask, signal: AbortSignal) => (await measureShard(readers, task, signal)).measurements;
  return { measurer: { measure }, reads, requests };
}

const never = new AbortController().signal;
const failing = (failure: DatasourceFailure) => new DatasourceError(failure, failure);

describe('measureShard', () => {
  it.each(['too-large', 'refused-query', 'malformed'] as const)(
    'halves a read that is %s until only the responsible experiment fails',
    async (failure) => {
      const { measurer, reads } = measurerWith((names) => (names.includes('e5') ? failing(failure) : undefined));
      const measured = await measurer.measure(task(8), never);
      expect(measured.map(({ status }) => status)).toEqual([...Array(5).fill('PROCESSED'), 'FAILED', 'PROCESSED', 'PROCESSED']);
      expect(measured[5]).toMatchObject({ notifications: { [failing(failure).code]: { type: 'ERROR' } } });
      expect(reads).toEqual([8, 4, 4, 2, 1, 1, 2]);
    },
  );

  it('stops the other reads of a shard when one fails', async () => {
    const stopped = (signal: AbortSignal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const reasons: unknown[] = [];
    const readers = {
      usage: { read: (_: unknown, signal: AbortSignal) => stopped(signal).catch((reason) => reasons.push(reason)) },
      layers: { detect: (_: unknown, signal: AbortSignal) => stopped(signal).catch((reason) => reasons.push(reason)) },
      evidence: { read: async () => Promise.reject(failing('unreachable')) },
    };
    await expect(measureShard(readers as never, task(1), never)).rejects.toMatchObject({ failure: 'unreachable' });
    await new Promise(setImmediate);
    expect(reasons).toMatchObject([{ failure: 'unreachable' }, { failure: 'unreachable' }]);
  });

  it('reads a shard that is too large in halves', async () => {
    const { measurer, reads } = measurerWith(({ length }) => (length > 3 ? failing('too-large') : undefined));
    const measured = await measurer.measure(task(7), never);
    expect(measured.map(({ status }) => status)).toEqual(Array(7).fill('PROCESSED'));
    expect(reads).toEqual([7, 3, 4, 2, 2]);
  });

  it.each(['unreachable', 'timeout', 'unavailable', 'too-many-requests', 'refused-credentials', 'not-json'] as const)(
    'does not halve if the failure is %s',
    async (failure) => {
      const { measurer, reads } = measurerWith(() => failing(failure));
      await expect(measurer.measure(task(4), never)).rejects.toMatchObject({ failure });
      expect(reads).toEqual([4]);
    },
  );

  it('does not read the halves after it is stopped', async () => {
    const stop = new AbortController();
    const { measurer, reads } = measurerWith(() => {
      stop.abort(new Error('stopped'));
      return failing('too-large');
    });
    await expect(measurer.measure(task(4), stop.signal)).rejects.toThrow('stopped');
    expect(reads).toEqual([4]);
  });

  it('computes nothing after it is stopped', async () => {
    const stop = new AbortController();
    const { measurer } = measurerWith(() => void stop.abort(new Error('stopped')));
    await expect(measurer.measure(task(2), stop.signal)).rejects.toThrow('stopped');
  });

  it.each([
    ['keeps inactive containers if the request has a time range', { time_range: { end: '2026-11-21T03:30:00Z' } }, false],
    ['drops inactive containers if the usage ends now', {}, true],
  ])('%s', async (_, request, dropsInactive) => {
    const { measurer, requests } = measurerWith(() => undefined);
    await measurer.measure({ ...task(1), request: resolveRequest(request) }, never);
    expect(requests).toMatchObject([{ dropsInactive }]);
  });
});
