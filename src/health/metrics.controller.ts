import { Controller, Get, Header } from '@nestjs/common';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { WakeUps } from '../bulk/queue/wake-ups.js';

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
