import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from '../test/servers/service.js';
import { cpuSeconds, peakRssMb, pidsOf } from './process-cost.js';
import { prometheusCounters } from './prometheus-counters.js';

/** Cost of one job from POST to COMPLETED. With Kafka on, `publishedSeconds` is the time to the last acknowledged record. */
export interface JobCost {
  readonly containers: number;
  readonly seconds: number;
  readonly publishedSeconds?: number;
  readonly serviceCpuSeconds: number;
  readonly prometheusCpuSeconds: number;
  readonly postgresCpuSeconds: number;
  readonly requests: number;
  readonly bytes: number;
  readonly peakRssMb: number;
  /** 99th percentile of the main thread's event loop delay during the job, ms, minus the 10 ms of the sampling interval. */
  readonly eventLoopP99Ms: number;
}

interface Summary {
  readonly status: string;
  readonly total_experiments: number;
  readonly failed_experiments: number;
  readonly published_experiments: number;
  readonly notifications: object;
}

/** Runs one job and measures its cost in all servers. Rejects if the job or an experiment fails. */
export async function runJob(service: Service, prometheusUrl: string, body: object, awaitsPublication: boolean): Promise<JobCost> {
  const postgres = pidsOf('postgres');
  // Each read of the metric resets it.
  await eventLoopP99Ms(service);
  const before = { prometheus: await prometheusCounters(prometheusUrl), cpu: cpuSeconds(service.pid), postgres: postgresCpu(postgres) };
  const startMs = performance.now();
  const jobId = await post(service.url, body);
  const summary = await until(service.url, jobId, ({ status }) => status !== 'IN_PROGRESS');
  const seconds = (performance.now() - startMs) / 1000;
  const loopMs = await eventLoopP99Ms(service);
  if (summary.status !== 'COMPLETED' || summary.failed_experiments > 0) throw new Error(`the job failed: ${JSON.stringify(summary)}`);
  const isPublished = (each: Summary) => each.published_experiments === each.total_experiments;
  if (awaitsPublication) await until(service.url, jobId, isPublished);
  const publishedSeconds = awaitsPublication ? (performance.now() - startMs) / 1000 : undefined;
  const after = await prometheusCounters(prometheusUrl);
  return {
    containers: summary.total_experiments,
    seconds,
    publishedSeconds,
    serviceCpuSeconds: cpuSeconds(service.pid) - before.cpu,
    prometheusCpuSeconds: after.cpuSeconds - before.prometheus.cpuSeconds,
    postgresCpuSeconds: postgresCpu(postgres) - before.postgres,
    requests: after.requests - before.prometheus.requests,
    bytes: after.responseBytes - before.prometheus.responseBytes,
    peakRssMb: peakRssMb(service.pid),
    eventLoopP99Ms: loopMs,
  };
}

async function eventLoopP99Ms({ url }: Service): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const seconds = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(metrics)?.[1];
  return Number(seconds) * 1000 - 10;
}

function postgresCpu(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    try {
      return sum + cpuSeconds(pid);
    } catch {
      return sum;
    }
  }, 0);
}

async function post(url: string, body: object): Promise<string> {
  const response = await fetch(`${url}/bulk`, { method: 'POST', body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST /bulk responded with ${response.status}: ${text}`);
  return JSON.parse(text).job_id;
}

async function until(url: string, jobId: string, isReached: (summary: Summary) => boolean): Promise<Summary> {
  for (;;) {
    const { summary } = (await (await fetch(`${url}/bulk?job_id=${jobId}`)).json()) as { summary: Summary };
    if (isReached(summary)) return summary;
    await sleep(50);
  }
}
