import { isUtf8 } from 'node:buffer';
import { All, Body, Controller, Delete, Get, Headers, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { EndedJobs } from '../bulk/ending-steps.js';
import { JobReader } from '../bulk/job-reader.js';
import { type BulkJobEntity, BulkJobStore, readQueue, type ShownQueue } from '../bulk/job-rows.js';
import { SubmitJob } from '../bulk/submit-job.js';
import { logOf } from '../settings/logger.js';
import { RejectedRequest } from '../sizing/bulk-request.js';
import { jobNotifications } from '../sizing/notifications.js';
import {
  cursorAfter,
  cursorParameter,
  jobCursor,
  limitParameter,
  readJobList,
  readQuery,
  readView,
  renderJob,
  sendJson,
} from './bulk-view.js';
import { JsonBodyPipe } from './errors.js';

/** Returns the Link header for the next page. The URL is relative to the request's, so that it is right behind any gateway. */
export function linkToNext({ originalUrl }: Pick<Request, 'originalUrl'>, cursor: string): string {
  const { pathname, searchParams } = new URL(originalUrl, 'http://localhost');
  searchParams.set('cursor', cursor);
  return `<${pathname.split('/').at(-1)}?${searchParams}>; rel="next"`;
}

const log = logOf('bulk');

/** POST /bulk and GET /bulk in Kruize's formats (Kruize: design/BulkAPI.md), and DELETE /bulk, which Kruize does not have. */
@Controller('bulk')
export class BulkController {
  constructor(
    private readonly submit: SubmitJob,
    private readonly jobs: BulkJobStore,
    private readonly reader: JobReader,
    private readonly ended: EndedJobs,
  ) {}

  @Post()
  @HttpCode(200)
  async create(@Body(JsonBodyPipe) body: unknown, @Headers('idempotency-key') idempotencyKey?: string): Promise<{ job_id: string }> {
    return { job_id: await this.submit.submit(body, idempotencyKey) };
  }

  /** Streams the response, so that memory does not grow with the number of experiments. */
  @Get()
  async show(@Query() query: Record<string, unknown>, @Req() request: Request, @Res() response: Response): Promise<void> {
    const view = readView(query);
    const job = await this.find(query.job_id);
    const rendered = await renderJob(job, view, this.reader);
    if (rendered.nextCursor !== undefined) response.setHeader('Link', linkToNext(request, rendered.nextCursor));
    await sendJson(response, rendered.parts);
  }

  /** Cancels a running job; deletes an ended one that has no pending records or webhook. */
  @Delete()
  async remove(@Query('job_id') id: unknown): Promise<object> {
    const job = await this.find(id);
    if (await this.ended.end(job.id, jobNotifications.cancelled())) return envelope('Job cancelled');
    if (!(await this.jobs.delete(job.id))) {
      throw new RejectedRequest(
        409,
        'The job has ended, but its records or its webhook are still pending. Delete it after they are delivered.',
      );
    }
    log.info({ jobId: job.id }, 'job deleted');
    return envelope('Job deleted');
  }

  @All()
  refuse(@Req() request: Request, @Res({ passthrough: true }) response: Response): void {
    response.setHeader('Allow', 'GET, HEAD, POST, DELETE');
    throw new RejectedRequest(405, `HTTP method ${request.method} is not supported by this URL`);
  }

  private async find(id: unknown): Promise<BulkJobEntity> {
    const job = typeof id === 'string' ? await this.jobs.find(id) : null;
    if (!job) throw new RejectedRequest(404, 'Job not found');
    return job;
  }
}

function envelope(message: string): object {
  return { message, httpcode: 200, documentationLink: '', status: 'SUCCESS' };
}

/** GET /bulk/jobs: lists the jobs, latest first. */
@Controller('bulk/jobs')
export class JobsController {
  constructor(private readonly reader: JobReader) {}

  @Get()
  async list(@Query() query: Record<string, unknown>, @Req() request: Request, @Res() response: Response): Promise<void> {
    const { jobs, last } = await this.reader.jobs(readJobList(query));
    if (last) response.setHeader('Link', linkToNext(request, jobCursor(last)));
    await sendJson(response, renderJobs(jobs));
  }
}

const queueSchema = z.object({ limit: limitParameter.optional(), cursor: cursorParameter.optional() });
const defaultQueues = 1_000;

/** A queue for users: its key as text, or as `key_base64` if it is not UTF-8. */
export function showQueue({ queue, jobId, startedAt, waiting }: ShownQueue): object {
  const { trigger, topic, key } = readQueue(queue);
  const named = isUtf8(key) ? { key: key.toString('utf8') } : { key_base64: key.toString('base64') };
  return { trigger, topic, ...named, job_id: jobId, job_start_time: startedAt.toISOString(), waiting_jobs: waiting };
}

/** GET /bulk/queues: records with the same key, whose jobs run one after the other. */
@Controller('bulk/queues')
export class QueuesController {
  constructor(private readonly jobs: BulkJobStore) {}

  @Get()
  async list(@Query() query: Record<string, unknown>, @Req() request: Request, @Res({ passthrough: true }) response: Response) {
    const { limit = defaultQueues, cursor = '' } = readQuery(queueSchema, query);
    const found = await this.jobs.queues(cursor, limit + 1);
    const shown = found.slice(0, limit);
    if (found.length > limit) response.setHeader('Link', linkToNext(request, cursorAfter(shown.at(-1)!.queue)));
    return { queues: shown.map(showQueue) };
  }
}

/** Yields the first part with the first job, so that an error response is possible if that cannot be read. */
async function* renderJobs(jobs: AsyncIterable<object>): AsyncGenerator<string> {
  const opening = '{"jobs":[';
  let before = opening;
  for await (const job of jobs) {
    yield before + JSON.stringify(job);
    before = ',';
  }
  yield before === opening ? `${opening}]}` : ']}';
}
