import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { JobReader } from './job-reader.js';
import { linkToNext } from './link-to-next.js';
import { readJobList } from './read-job-list.js';
import { sendJson } from './send-json.js';

/** GET /bulk/jobs: the jobs, latest first. */
@Controller('bulk/jobs')
export class JobsController {
  constructor(private readonly reader: JobReader) {}

  @Get()
  async list(@Query() query: Record<string, unknown>, @Req() request: Request, @Res() response: Response): Promise<void> {
    const { jobs, nextCursor } = await this.reader.jobs(readJobList(query));
    if (nextCursor !== undefined) response.setHeader('Link', linkToNext(request, nextCursor));
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
