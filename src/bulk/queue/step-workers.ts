import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { logOf } from '../../settings/logger.js';
import { InjectSettings } from '../../settings/settings.module.js';
import type { Settings } from '../../settings/settings-schema.js';
import { DiscoverJob } from '../steps/discover-job.js';
import { FinishJob } from '../steps/finish-job.js';
import { MeasureShard } from '../steps/measure-shard.js';
import { NotifyWebhook } from '../steps/notify-webhook.js';
import { PublishShard } from '../steps/publish-shard.js';
import { QueueBackend } from './queue-backend.js';
import { type Step, stepNames, steps, type WakeUp } from './steps.js';

const log = logOf('bulk');

/** Works on the steps, unless this process only answers REST. */
@Injectable()
export class StepWorkers implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly work: Readonly<Record<Step, { run(wakeUp: WakeUp): Promise<void> }>>;
  private workers: ReturnType<QueueBackend['worker']>[] = [];

  constructor(
    private readonly backend: QueueBackend,
    @InjectSettings() private readonly settings: Settings,
    discover: DiscoverJob,
    measure: MeasureShard,
    publish: PublishShard,
    finish: FinishJob,
    notify: NotifyWebhook,
  ) {
    this.work = { discover, measure, publish, finish, notify };
  }

  onApplicationBootstrap(): void {
    if (this.settings.ROLE === 'api') return;
    this.workers = stepNames.map((step) => {
      const { concurrency } = steps[step];
      return this.backend.worker(
        step,
        (wakeUp) => this.work[step].run(wakeUp),
        concurrency === 'WORKER_CONCURRENCY' ? this.settings.WORKER_CONCURRENCY : concurrency,
      );
    });
  }

  /** Waits for steps in progress, but not longer than SHUTDOWN_TIMEOUT_MS: an unfinished one is taken up again by another worker. */
  async onModuleDestroy(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeOut = new Promise<'late'>((late) => {
      timer = setTimeout(() => late('late'), this.settings.SHUTDOWN_TIMEOUT_MS);
    });
    const closed = Promise.all(this.workers.map((worker) => worker.close()));
    if ((await Promise.race([closed, timeOut])) === 'late') {
      log.warn('steps in progress are left to other workers');
      await Promise.race([Promise.all(this.workers.map((worker) => worker.close(true))), new Promise((done) => setTimeout(done, 1_000))]);
    }
    clearTimeout(timer);
  }
}
