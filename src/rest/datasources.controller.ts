import { setTimeout as delay } from 'node:timers/promises';
import { All, Controller, Get, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import { RejectedRequest } from '../bulk/rejected-request.js';
import { type Capabilities, CapabilityCache } from '../datasource/capabilities.js';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceError } from '../datasource/datasource-error.js';
import { Datasources } from '../datasource/datasources.js';

/** What probing a datasource told, or why it is not known. */
export type KnownProbe =
  | Pick<Capabilities, 'used' | 'version' | 'reason' | 'rules'>
  | { readonly used?: undefined; readonly version?: undefined; readonly rules?: undefined; readonly reason: string };

/** A datasource in Kruize's shape (spec: rest-api.md 2.2), without credentials and with how its usage is read. */
export interface ShownDatasource {
  readonly name: string;
  readonly provider: string;
  readonly serviceName?: string;
  readonly namespace?: string;
  readonly url: string;
  readonly authenticationConfig: { readonly type: string };
  readonly usage_reader: {
    readonly configured: string;
    /** `chunks` or `promql`; null where it is not known. */
    readonly used: string | null;
    /** Of the server, as it tells itself; null where it does not. */
    readonly version: string | null;
    readonly reason: string;
  };
  /** Which recording rules the datasource has; absent if that is not known. */
  readonly recording_rules?: Capabilities['rules'];
}

/** Shows one datasource. */
export function showDatasource(datasource: Datasource, { used, version, reason, rules }: KnownProbe): ShownDatasource {
  const { name, provider, serviceName, namespace, url, authentication, usageReader } = datasource;
  return {
    name,
    provider,
    ...(serviceName && { serviceName }),
    ...(namespace && { namespace }),
    url,
    authenticationConfig: { type: authentication.type.toUpperCase() },
    usage_reader: { configured: usageReader ?? 'auto', used: used ?? null, version: version ?? null, reason },
    ...(rules && { recording_rules: rules }),
  };
}

/** So long an answer waits for datasources that are being probed. */
const longestProbeWaitMs = 2_000;

/** GET /datasources in Kruize's shape (spec: rest-api.md 2.2). */
@Controller('datasources')
export class DatasourcesController {
  constructor(
    private readonly datasources: Datasources,
    private readonly capabilities: CapabilityCache,
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
    throw new RejectedRequest(405, `HTTP method ${request.method} is not supported by this URL`);
  }

  private find(name: unknown): Datasource {
    const datasource = typeof name === 'string' ? this.datasources.find(name) : undefined;
    if (!datasource) throw new RejectedRequest(400, `Given datasource name - ${name} either does not exist or is not valid`);
    return datasource;
  }

  private async probeOf(datasource: Datasource): Promise<KnownProbe> {
    const late = delay(longestProbeWaitMs, { reason: 'it is being probed and has not answered yet' }, { ref: false });
    const probe = this.capabilities.of(datasource).catch((error: unknown) => {
      if (!(error instanceof DatasourceError)) throw error;
      return { reason: error.message };
    });
    return Promise.race([probe, late]);
  }
}
