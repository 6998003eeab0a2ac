import { All, Body, Controller, Delete, Get, Headers, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { logOf } from '../settings/logger.js';
import type { BulkJobEntity } from './bulk-job.entity.js';
import { BulkJobStore } from './bulk-job-store.js';
import { jobNotifications } from './bulk-notifications.js';
import { EndedJobs } from './ended-jobs.js';
import { JobReader } from './job-reader.js';
import { JsonBodyPipe } from './json-body.pipe.js';
import { linkToNext } from './link-to-next.js';
import { readView } from './read-view.js';
import { renderJob } from './render-job.js';
import { RestError } from './rest-error.js';
import { sendJson } from './send-json.js';
import { SubmitJob } from './submit-job.js';

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
      throw new RestError(
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
    throw new RestError(405, `HTTP method ${request.method} is not supported by this URL`);
  }

  private async find(id: unknown): Promise<BulkJobEntity> {
    const isUuid = typeof id === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
    const job = isUuid ? await this.jobs.find(id) : null;
    if (!job) throw new RestError(404, 'Job not found');
    return job;
  }
}

function envelope(message: string): object {
  return { message, httpcode: 200, documentationLink: '', status: 'SUCCESS' };
}
