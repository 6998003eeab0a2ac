import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const summarySchema = z.looseObject({
  status: z.enum(['IN_PROGRESS', 'COMPLETED', 'FAILED']),
  total_experiments: z.number().default(0),
  processed_experiments: z.number().default(0),
  notifications: z.record(z.string(), z.looseObject({ message: z.string() })).default({}),
});
export type JobSummary = z.output<typeof summarySchema>;

/** Starts a bulk job over all containers and returns its id. */
export async function submitJob(url: string): Promise<string> {
  const response = await fetch(`${url}/bulk`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${url}/bulk responded with ${response.status}: ${text}`);
  return z.object({ job_id: z.string() }).parse(JSON.parse(text)).job_id;
}

/** Polls the job until it has ended. Calls `onProgress` with each summary. */
export async function followJob(url: string, jobId: string, onProgress: (summary: JobSummary) => void): Promise<JobSummary> {
  for (;;) {
    const { summary } = await getJob(url, jobId, 'summary', z.object({ summary: summarySchema }));
    onProgress(summary);
    if (summary.status !== 'IN_PROGRESS') return summary;
    await sleep(200);
  }
}

/** Names of the job's experiments. */
export async function experimentNames(url: string, jobId: string): Promise<string[]> {
  const { experiments } = await getJob(url, jobId, 'experiments|status', z.object({ experiments: z.record(z.string(), z.unknown()) }));
  return Object.keys(experiments);
}

async function getJob<Document>(url: string, jobId: string, include: string, schema: z.ZodType<Document>): Promise<Document> {
  const address = `${url}/bulk?job_id=${jobId}&include=${encodeURIComponent(include)}`;
  const response = await fetch(address);
  if (!response.ok) throw new Error(`GET ${address} responded with ${response.status}: ${await response.text()}`);
  return schema.parse(await response.json());
}
