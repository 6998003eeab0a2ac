import { Controller, Get, Header, Res } from '@nestjs/common';
import type { Response } from 'express';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { BulkJobStore } from '../bulk/job-rows.js';
import { WakeUps } from '../bulk/queue.js';
import { DatabaseProbe } from '../database/database.module.js';
import { Datasources, noDatasource } from '../datasource/datasources.js';
import { Publisher } from '../publication/publisher.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { retryAfterSeconds } from './errors.js';

/** State of one thing that the service needs. */
interface Check {
  readonly status: 'up' | 'down' | 'off';
  readonly reason?: string;
}

/** What readiness and the log say of a service that other machines reach. */
export const openWarning =
  'The REST interface has no authentication, and other machines reach it: keep strangers away from its port, or set HOST to 127.0.0.1.';

/** Whether the REST interface listens beyond this machine. */
export function reachesOthers({ HOST }: Pick<Settings, 'HOST'>): boolean {
  return !/^(localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(HOST);
}

function checkOf(trouble: string | undefined): Check {
  return trouble === undefined ? { status: 'up' } : { status: 'down', reason: trouble };
}

/** Kruize's GET /health, and the probes of Kubernetes. */
@Controller('health')
export class HealthController {
  private isDraining = false;

  constructor(
    private readonly database: DatabaseProbe,
    private readonly publisher: Publisher,
    private readonly jobs: BulkJobStore,
    private readonly datasources: Datasources,
    private readonly wakeUps: WakeUps,
    @InjectSettings() private readonly settings: Pick<Settings, 'HOST'>,
  ) {}

  /** From now on the process is not ready: it ends when its steps have. */
  drain(): void {
    this.isDraining = true;
  }

  @Get()
  @Header('Content-Type', 'text/plain')
  health(): string {
    return 'UP\n';
  }

  @Get('live')
  live(): { status: string } {
    return { status: 'up' };
  }

  /**
   * 200 while requests can be taken, 503 when they cannot: the database is away, or the process stops. Kafka or the queue being away delays and loses
   * nothing, so it makes the answer `degraded` with the reason, not 503.
   */
  @Get('ready')
  async ready(@Res() response: Response): Promise<void> {
    if (this.isDraining) {
      response.status(503).setHeader('Retry-After', retryAfterSeconds).json({ status: 'draining', checks: {} });
      return;
    }
    const database = await this.checkDatabase();
    const kafka = await this.checkKafka(database);
    const queue = checkOf(this.wakeUps.trouble());
    const status = database.status === 'down' ? 'down' : kafka.status === 'down' || queue.status === 'down' ? 'degraded' : 'up';
    const warnings = [
      ...(reachesOthers(this.settings) ? [openWarning] : []),
      ...(this.datasources.all().length === 0 ? [noDatasource] : []),
    ];
    if (status === 'down') response.setHeader('Retry-After', retryAfterSeconds);
    response
      .status(status === 'down' ? 503 : 200)
      .json({ status, checks: { database, queue, kafka }, ...(warnings.length > 0 && { warnings }) });
  }

  private async checkDatabase(): Promise<Check> {
    return checkOf(await this.database.trouble());
  }

  private async checkKafka(database: Check): Promise<Check> {
    if (this.publisher.isOn) {
      const { ready, reason } = this.publisher.state();
      return ready ? { status: 'up' } : { status: 'down', reason };
    }
    const unpublished = database.status === 'up' ? await this.jobs.countUnpublished() : 0;
    const still = unpublished > 0 ? `; the records of ${unpublished} ${unpublished === 1 ? 'job' : 'jobs'} are still to be sent` : '';
    return { status: 'off', reason: `publication is switched off${still}` };
  }
}

/** GET /metrics in Prometheus' text format: the process (memory, CPU, event loop delay) and the queue. */
@Controller('metrics')
export class MetricsController {
  private readonly registry = new Registry();

  constructor(wakeUps: WakeUps) {
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: 'rightsizer_queue_waiting',
      help: 'Wake-ups that wait for a worker, by step',
      labelNames: ['step'],
      registers: [this.registry],
      async collect() {
        for (const [step, waiting] of Object.entries(await wakeUps.depths())) this.set({ step }, waiting);
      },
    });
  }

  @Get()
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  show(): Promise<string> {
    return this.registry.metrics();
  }
}
