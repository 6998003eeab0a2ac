import { All, Body, Controller, Delete, Get, Headers, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { EndedJobs } from '../bulk/ended-jobs.js';
import { JobReader } from '../bulk/job-reader.js';
import { type BulkJobEntity, BulkJobStore } from '../bulk/job-rows.js';
import { RejectedRequest } from '../bulk/rejected-request.js';
import { SubmitJob } from '../bulk/submit-job.js';
import { logOf } from '../settings/logger.js';
import { jobNotifications } from '../sizing/notifications.js';
import { jobCursor, readJobList, readView, renderJob, sendJson } from './bulk-view.js';
import { JsonBodyPipe } from './errors.js';

/** Value of the Link header that leads to the next page of a listing: an address relative to the request's own, which is right behind any gateway. */
export function linkToNext({ originalUrl }: Pick<Request, 'originalUrl'>, cursor: string): string {
  const { pathname, searchParams } = new URL(originalUrl, 'http://localhost');
  searchParams.set('cursor', cursor);
  return `<${pathname.split('/').at(-1)}?${searchParams}>; rel="next"`;
}

const log = logOf('bulk');

/** POST /bulk and GET /bulk in Kruize's shapes (spec: bulk-and-kafka.md 1 and 2), and DELETE /bulk. */
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

  /** Streams the answer: memory stays that of one page, however many experiments the job has. */
  @Get()
  async show(@Query() query: Record<string, unknown>, @Req() request: Request, @Res() response: Response): Promise<void> {
    const view = readView(query);
    const job = await this.find(query.job_id);
    const rendered = await renderJob(job, view, this.reader);
    if (rendered.nextCursor !== undefined) response.setHeader('Link', linkToNext(request, rendered.nextCursor));
    await sendJson(response, rendered.parts);
  }

  /** Cancels a job that runs; deletes one that has ended and owes nobody a record. */
  @Delete()
  async remove(@Query('job_id') id: unknown): Promise<object> {
    const job = await this.find(id);
    if (await this.ended.end(job.id, jobNotifications.cancelled())) return envelope('Job cancelled');
    if (!(await this.jobs.delete(job.id))) {
      throw new RejectedRequest(
        409,
        'The job has ended, but its records or its webhook are still on their way; delete it when they are delivered',
      );
    }
    log.info({ jobId: job.id }, 'a job is deleted');
    return envelope('Job deleted');
  }

  @All()
  refuse(@Req() request: Request, @Res({ passthrough: true }) response: Response): void {
    response.setHeader('Allow', 'GET, HEAD, POST, DELETE');
    throw new RejectedRequest(405, `HTTP method ${request.method} is not supported by this URL`);
  }

  private async find(id: unknown): Promise<BulkJobEntity> {
    const isUuid = typeof id === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
    const job = isUuid ? await this.jobs.find(id) : null;
    if (!job) throw new RejectedRequest(404, 'Job not found');
    return job;
  }
}

function envelope(message: string): object {
  return { message, httpcode: 200, documentationLink: '', status: 'SUCCESS' };
}

/** GET /bulk/jobs: the jobs, latest first. */
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

/** The first part comes with the first job: where that cannot be read, there is still an error answer. */
async function* renderJobs(jobs: AsyncIterable<object>): AsyncGenerator<string> {
  const opening = '{"jobs":[';
  let before = opening;
  for await (const job of jobs) {
    yield before + JSON.stringify(job);
    before = ',';
  }
  yield before === opening ? `${opening}]}` : ']}';
}
