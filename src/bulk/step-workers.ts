import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectSettings } from '../settings/settings.module.js';
import type { Settings } from '../settings/settings-schema.js';
import { QueueBackend } from './queue.js';
import { StepRunner } from './step-runner.js';
import { placesOf, stepNames } from './steps.js';

/** Wakes the step runner, unless this process only answers REST. A message fills one place; what is worked on there, the rows decide. */
@Injectable()
export class StepWorkers implements OnApplicationBootstrap, OnModuleDestroy {
  private workers: ReturnType<QueueBackend['worker']>[] = [];

  constructor(
    private readonly backend: QueueBackend,
    private readonly runner: StepRunner,
    @InjectSettings() private readonly settings: Settings,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.ROLE === 'api') return;
    this.workers = stepNames.map((step) => {
      return this.backend.worker(step, () => this.runner.fillPlace(step), placesOf(step, this.settings));
    });
  }

  /** Steps in progress have SHUTDOWN_TIMEOUT_MS to end; after that other workers begin them anew. */
  async onModuleDestroy(): Promise<void> {
    // Closed first: a message that is taken now would be used up without work.
    await Promise.race([Promise.all(this.workers.map((worker) => worker.close(true))), new Promise((done) => setTimeout(done, 1_000))]);
    await this.runner.stop(this.settings.SHUTDOWN_TIMEOUT_MS);
  }
}
