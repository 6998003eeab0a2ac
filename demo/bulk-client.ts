import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const summarySchema = z.looseObject({
  status: z.enum(['IN_PROGRESS', 'COMPLETED', 'FAILED']),
  total_experiments: z.number().default(0),
  processed_experiments: z.number().default(0),
  notifications: z.record(z.string(), z.looseObject({ message: z.string() })).default({}),
});
export type JobSummary = z.output<typeof summarySchema>;

/** Starts a bulk job over everything and gives its id. */
export async function submitJob(url: string): Promise<string> {
  const answer = await fetch(`${url}/bulk`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`POST ${url}/bulk was answered with ${answer.status}: ${text}`);
  return z.object({ job_id: z.string() }).parse(JSON.parse(text)).job_id;
}

/** Asks after the job until it is final; `onProgress` hears each answer. */
export async function followJob(url: string, jobId: string, onProgress: (summary: JobSummary) => void): Promise<JobSummary> {
  for (;;) {
    const { summary } = await askJob(url, jobId, 'summary', z.object({ summary: summarySchema }));
    onProgress(summary);
    if (summary.status !== 'IN_PROGRESS') return summary;
    await sleep(200);
  }
}

/** Names of the job's experiments. */
export async function experimentNames(url: string, jobId: string): Promise<string[]> {
  const { experiments } = await askJob(url, jobId, 'experiments|status', z.object({ experiments: z.record(z.string(), z.unknown()) }));
  return Object.keys(experiments);
}

async function askJob<Answer>(url: string, jobId: string, include: string, schema: z.ZodType<Answer>): Promise<Answer> {
  const address = `${url}/bulk?job_id=${jobId}&include=${encodeURIComponent(include)}`;
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`GET ${address} was answered with ${answer.status}: ${await answer.text()}`);
  return schema.parse(await answer.json());
}
