import { waitUntil } from './servers/wait-until.js';

/** A response of the service. */
export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
  readonly headers: Headers;
}

export interface Summary {
  readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly total_experiments: number;
  readonly processed_experiments: number;
  readonly failed_experiments: number;
  readonly existing_experiments: number;
  readonly published_experiments: number;
  readonly notifications: Record<string, { type: string; message: string; code: number }>;
  readonly input: Record<string, unknown>;
  readonly job_id: string;
  readonly job_start_time: string;
  readonly job_end_time?: string;
}

export interface ShownExperiment {
  readonly name: string;
  readonly status: string;
  readonly apis: { readonly create: { response?: object; request?: object }; readonly recommendations: { readonly response?: unknown[] } };
  readonly status_history: readonly { readonly status: string; readonly timestamp: string }[];
  readonly notifications?: Record<string, { type: string; message: string; code: number }>;
}

/** POST /bulk with a body: an object is sent as JSON, a string unchanged. */
export async function postBulk(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer<Record<string, unknown>>> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(`${url}/bulk`, { method: 'POST', body: text, headers: { 'content-type': 'application/json', ...headers } });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown>, headers: answer.headers };
}

/** Posts a job that must be accepted; returns its id. */
export async function startJob(url: string, body: unknown = {}): Promise<string> {
  const answer = await postBulk(url, body);
  if (answer.status !== 200) throw new Error(`POST /bulk responded with ${answer.status}: ${JSON.stringify(answer.body)}`);
  return String(answer.body.job_id);
}

/** Returns the URL of the next page of a listing; undefined on the last page. */
export function nextPageOf({ url, headers }: Response): string | undefined {
  const [, next] = /^<([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '') ?? [];
  return next && new URL(next, url).href;
}

/** GET /bulk of a job with additional parameters. */
export async function getBulk<Body>(url: string, jobId: string, parameters: Record<string, string> = {}): Promise<Answer<Body>> {
  const answer = await fetch(`${url}/bulk?${new URLSearchParams({ job_id: jobId, ...parameters })}`);
  return { status: answer.status, body: (await answer.json()) as Body, headers: answer.headers };
}

/** Polls a job until it has ended; returns its summary. */
export async function waitForEnd(url: string, jobId: string, timeoutMs = 120_000): Promise<Summary> {
  let summary: Summary | undefined;
  await waitUntil(
    `job ${jobId} ends`,
    async () => {
      summary = (await getBulk<{ summary: Summary }>(url, jobId)).body.summary;
      return summary.status !== 'IN_PROGRESS';
    },
    { timeoutMs },
  );
  return summary!;
}

/** Returns all experiments of a job, complete. */
export async function experimentsOf(url: string, jobId: string): Promise<Record<string, ShownExperiment>> {
  return (await getBulk<{ experiments: Record<string, ShownExperiment> }>(url, jobId, { include: 'experiments' })).body.experiments;
}
