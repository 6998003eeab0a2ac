import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from '../test/servers/service.js';
import { jobAfter } from './jobs.js';

/** 99th percentiles of response times while a job runs, ms. */
export interface RestLatency {
  readonly postP99Ms: number;
  readonly posts: number;
  readonly summaryP99Ms: number;
  readonly summaries: number;
}

const pauseMs = 20;
/** One of this many requests is a POST. */
const postEvery = 5;

/** Runs a job without cached data. Meanwhile requests its summary, and posts jobs over a namespace that does not exist. */
export async function measureRest({ url }: Service): Promise<RestLatency> {
  const posts: number[] = [];
  const summaries: number[] = [];
  const jobId = await post(url, jobAfter(4, { refresh: true }));
  for (let sent = 0, isOver = false; !isOver; sent++) {
    if (sent % postEvery === 0) await timed(posts, () => post(url, jobAfter(4, { filter: { include: { namespace: [`none-${sent}`] } } })));
    isOver = (await timed(summaries, () => statusOf(url, jobId))) !== 'IN_PROGRESS';
    await sleep(pauseMs);
  }
  return { postP99Ms: p99(posts), posts: posts.length, summaryP99Ms: p99(summaries), summaries: summaries.length };
}

async function statusOf(url: string, jobId: string): Promise<string> {
  const { summary } = (await (await fetch(`${url}/bulk?job_id=${jobId}`)).json()) as { summary: { status: string } };
  return summary.status;
}

async function post(url: string, body: object): Promise<string> {
  const response = await fetch(`${url}/bulk`, { method: 'POST', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`POST /bulk responded with ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { job_id: string }).job_id;
}

async function timed<T>(times: number[], work: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const result = await work();
  times.push(performance.now() - startMs);
  return result;
}

function p99(times: readonly number[]): number {
  return [...times].sort((one, other) => one - other)[Math.ceil(times.length * 0.99) - 1] ?? 0;
}
