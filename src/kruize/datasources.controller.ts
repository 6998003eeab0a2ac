import { setTimeout as delay } from 'node:timers/promises';
import { All, Controller, Get, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import { RestError } from '../bulk/rest-error.js';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceError } from '../datasource/datasource-error.js';
import { Datasources } from '../datasource/datasources.js';
import { ReaderProbes } from '../probes/reader-probes.js';
import { type KnownProbe, type ShownDatasource, showDatasource } from './show-datasource.js';

/** So long an answer waits for datasources that are being probed. */
const longestProbeWaitMs = 2_000;

/** GET /datasources in Kruize's shape (spec: rest-api.md 2.2). */
@Controller('datasources')
export class DatasourcesController {
  constructor(
    private readonly datasources: Datasources,
    private readonly probes: ReaderProbes,
  ) {}

  /** Without any datasource the list is missing, as in the reference. */
  @Get()
  async list(@Query('name') name?: unknown): Promise<{ version: string; datasources?: ShownDatasource[] }> {
    const wanted = name === undefined ? this.datasources.all() : [this.find(name)];
    const datasources = await Promise.all(wanted.map(async (datasource) => showDatasource(datasource, await this.probeOf(datasource))));
    return { version: 'v1.0', ...(datasources.length > 0 && { datasources }) };
  }

  @All()
  refuse(@Req() request: Request): void {
    throw new RestError(405, `HTTP method ${request.method} is not supported by this URL`);
  }

  private find(name: unknown): Datasource {
    const datasource = typeof name === 'string' ? this.datasources.find(name) : undefined;
    if (!datasource) throw new RestError(400, `Given datasource name - ${name} either does not exist or is not valid`);
    return datasource;
  }

  private async probeOf(datasource: Datasource): Promise<KnownProbe> {
    const late = delay(longestProbeWaitMs, { reason: 'it is being probed and has not answered yet' }, { ref: false });
    const probe = this.probes.of(datasource).catch((error: unknown) => {
      if (!(error instanceof DatasourceError)) throw error;
      return { reason: error.message };
    });
    return Promise.race([probe, late]);
  }
}
