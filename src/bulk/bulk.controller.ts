import { once } from 'node:events';
import { All, Body, Controller, Get, Headers, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { BulkJobEntity } from './bulk-job.entity.js';
import { BulkJobStore } from './bulk-job-store.js';
import { JobReader } from './job-reader.js';
import { JsonBodyPipe } from './json-body.pipe.js';
import { readView } from './read-view.js';
import { renderJob } from './render-job.js';
import { RestError } from './rest-error.js';
import { SubmitJob } from './submit-job.js';

/** POST /bulk and GET /bulk in Kruize's shapes (spec: bulk-and-kafka.md 1 and 2). */
@Controller('bulk')
export class BulkController {
  constructor(
    private readonly submit: SubmitJob,
    private readonly jobs: BulkJobStore,
    private readonly reader: JobReader,
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
    if (rendered.nextCursor !== undefined) response.setHeader('Link', `<${nextAddress(request, rendered.nextCursor)}>; rel="next"`);
    response.type('application/json;charset=utf-8');
    for await (const part of rendered.parts) {
      if (response.destroyed) return;
      if (!response.write(part)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
    response.end();
  }

  @All()
  refuse(@Req() request: Request): void {
    throw new RestError(405, `HTTP method ${request.method} is not supported by this URL`);
  }

  private async find(id: unknown): Promise<BulkJobEntity> {
    const isUuid = typeof id === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
    const job = isUuid ? await this.jobs.find(id) : null;
    if (!job) throw new RestError(404, 'Job not found');
    return job;
  }
}

function nextAddress(request: Request, cursor: string): string {
  const address = new URL(request.originalUrl, `${request.protocol}://${request.get('host') ?? 'localhost'}`);
  address.searchParams.set('cursor', cursor);
  return address.href;
}
