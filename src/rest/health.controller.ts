import { Controller, Get, Header, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { BulkJobStore } from '../bulk/job-rows.js';
import { WakeUps } from '../bulk/queue.js';
import { DatabaseProbe } from '../database/database.module.js';
import { Datasources, noDatasource } from '../datasource/datasources.js';
import { InputTopics } from '../intake/intake.module.js';
import { Publisher } from '../publication/publisher.js';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { retryAfterSeconds } from './errors.js';

/** State of one dependency. */
interface Check {
  readonly status: 'up' | 'down' | 'off';
  readonly reason?: string;
}

/** Warning of the readiness probe and the log if other machines can reach the service. */
export const openWarning =
  'The REST API has no authentication, and other machines can reach it. Restrict access to its port, or set HOST to 127.0.0.1.';

/** Whether other machines can reach the REST API. */
export function reachesOthers({ HOST }: Pick<Settings, 'HOST'>): boolean {
  return !/^(localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(HOST);
}

function checkOf(trouble: string | undefined): Check {
  return trouble === undefined ? { status: 'up' } : { status: 'down', reason: trouble };
}

/** GET /health as in Kruize, and probes for Kubernetes. */
@Controller('health')
export class HealthController {
  private isDraining = false;

  constructor(
    private readonly database: DatabaseProbe,
    private readonly publisher: Publisher,
    private readonly jobs: BulkJobStore,
    private readonly datasources: Datasources,
    private readonly wakeUps: WakeUps,
    private readonly inputTopics: InputTopics,
    @InjectSettings() private readonly settings: Pick<Settings, 'HOST'>,
  ) {}

  /** Makes the process not ready: it exits after its running steps. */
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
   * 200 while the service accepts requests; 503 if the database is unavailable or the process is stopping. If Kafka or the queue is unavailable, work is
   * delayed but not lost, so the status is `degraded` with 200.
   */
  @Get('ready')
  async ready(@Res() response: Response): Promise<void> {
    if (this.isDraining) {
      response.status(503).setHeader('Retry-After', retryAfterSeconds).json({ status: 'draining', checks: {} });
      return;
    }
    const database = checkOf(await this.database.trouble());
    const kafka = await this.checkKafka(database);
    const queue = checkOf(this.wakeUps.trouble());
    const others = { queue, kafka, ...(this.inputTopics.all.length > 0 && { input: checkOf(this.inputTopics.trouble()) }) };
    const isDegraded = Object.values(others).some(({ status }) => status === 'down');
    const status = database.status === 'down' ? 'down' : isDegraded ? 'degraded' : 'up';
    const warnings = [
      ...(reachesOthers(this.settings) ? [openWarning] : []),
      ...(this.datasources.all().length === 0 ? [noDatasource] : []),
    ];
    if (status === 'down') response.setHeader('Retry-After', retryAfterSeconds);
    response
      .status(status === 'down' ? 503 : 200)
      .json({ status, checks: { database, ...others }, ...(warnings.length > 0 && { warnings }) });
  }

  private async checkKafka(database: Check): Promise<Check> {
    if (this.publisher.isOn) return checkOf(this.publisher.trouble());
    const unpublished = database.status === 'up' ? await this.jobs.countUnpublished() : 0;
    const pending = unpublished > 0 ? `; the records of ${unpublished} ${unpublished === 1 ? 'job' : 'jobs'} are still pending` : '';
    return { status: 'off', reason: `publication is off${pending}` };
  }
}

/** GET /metrics in Prometheus' text format: memory, CPU and event loop delay of the process, the queue, waiting work, and input topics. */
@Controller('metrics')
export class MetricsController {
  private readonly registry = new Registry();

  constructor(wakeUps: WakeUps, jobs: BulkJobStore, { all: topics }: InputTopics) {
    collectDefaultMetrics({ register: this.registry });
    this.add(Gauge, 'rightsizer_queue_waiting', 'Wake-ups that wait for a worker, by step', ['step'], async (gauge) => {
      for (const [step, waiting] of Object.entries(await wakeUps.depths())) gauge.inc({ step }, waiting);
    });
    this.add(Gauge, 'rightsizer_shards_waiting', 'Shards of all jobs that wait to be measured', [], async (gauge) => {
      gauge.inc({}, (await jobs.countWaiting()).shards);
    });
    this.add(Gauge, 'rightsizer_jobs_waiting', 'Jobs that wait for a job with the same key', [], async (gauge) => {
      gauge.inc({}, (await jobs.countWaiting()).jobs);
    });
    const places = ['trigger', 'group', 'topic', 'partition'];
    this.add(
      Gauge,
      'rightsizer_input_lag',
      'Input records that are not handled yet, by partition of this process',
      places,
      async (gauge) => {
        for (const { trigger, state } of topics) {
          for (const { topic, partition, lag = 0 } of state.partitions) {
            gauge.inc({ trigger: trigger.name, group: trigger.groupId, topic, partition }, lag);
          }
        }
      },
    );
    const handled = ['trigger', 'outcome'];
    this.add(Counter, 'rightsizer_input_records_total', 'Input records that this process handled', handled, async (counter) => {
      for (const { trigger, state } of topics) {
        for (const [outcome, count] of Object.entries(state.records)) counter.inc({ trigger: trigger.name, outcome }, count);
      }
    });
    this.add(Counter, 'rightsizer_input_restarts_total', 'Connections to input topics that were lost', ['trigger'], async (counter) => {
      for (const { trigger, state } of topics) counter.inc({ trigger: trigger.name }, state.restarts);
    });
  }

  @Get()
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  show(): Promise<string> {
    return this.registry.metrics();
  }

  /** Adds a metric that is computed anew for each request. */
  private add(
    Metric: typeof Gauge | typeof Counter,
    name: string,
    help: string,
    labelNames: string[],
    read: (metric: Pick<Gauge, 'inc'>) => Promise<void>,
  ): void {
    new Metric({
      name,
      help,
      labelNames,
      registers: [this.registry],
      async collect() {
        this.reset();
        await read(this as Pick<Gauge, 'inc'>);
      },
    });
  }
}
