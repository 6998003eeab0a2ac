import { setTimeout as delay } from 'node:timers/promises';
import { All, Controller, Get, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import { type Capabilities, CapabilityCache } from '../datasource/capabilities.js';
import type { Datasource } from '../datasource/datasource.js';
import { DatasourceError } from '../datasource/datasource-error.js';
import { Datasources } from '../datasource/datasources.js';
import { RejectedRequest } from '../sizing/bulk-request.js';

/** Result of probing a datasource, or why there is none. */
export type KnownProbe = Partial<Pick<Capabilities, 'used' | 'version' | 'rules'>> & Pick<Capabilities, 'reason'>;

/**
 * Returns a datasource in Kruize's format (Kruize: design/KruizeLocalAPI.md), without credentials and with how its usage is read. `used` and `version` are null
 * and `recording_rules` is absent if they are not known.
 */
export function showDatasource(datasource: Datasource, { used, version, reason, rules }: KnownProbe) {
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

/** Maximum time that a response waits for running probes. */
const maxProbeWaitMs = 2_000;

/** GET /datasources in Kruize's format (Kruize: design/KruizeLocalAPI.md). */
@Controller('datasources')
export class DatasourcesController {
  constructor(
    private readonly datasources: Datasources,
    private readonly capabilities: CapabilityCache,
  ) {}

  /** Omits `datasources` if there are none, as Kruize does. */
  @Get()
  async list(@Query('name') name?: unknown): Promise<{ version: string; datasources?: ReturnType<typeof showDatasource>[] }> {
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
    const timeout = delay(maxProbeWaitMs, { reason: 'the probe is running and has no response yet' }, { ref: false });
    const probe = this.capabilities.of(datasource).catch((error: unknown) => {
      if (!(error instanceof DatasourceError)) throw error;
      return { reason: error.message };
    });
    return Promise.race([probe, timeout]);
  }
}
