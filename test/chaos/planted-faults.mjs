// Faults that the checks must find. CHAOS_FAULT plants one into the built service; each removes one guard from the job flow.
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';

await import('reflect-metadata');
const dist = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);

/** Runs the statements of a store with this text replaced. */
function replaceInStatements(store, method, text, replacement) {
  const original = store.prototype[method];
  store.prototype[method] = function (...args) {
    const without = (target) =>
      new Proxy(target, {
        get: (object, name) => {
          const value = Reflect.get(object, name, object);
          if (name === 'query') return (sql, ...rest) => object.query(sql.replace(text, replacement), ...rest);
          if (name === 'transaction') return (work) => object.transaction((transaction) => work(without(transaction)));
          return typeof value === 'function' ? value.bind(object) : value;
        },
      });
    const patched = Object.create(this, this.database && { database: { value: without(this.database) } });
    return original.apply(
      patched,
      args.map((arg) => (typeof arg?.query === 'function' ? without(arg) : arg)),
    );
  };
}

const plants = {
  /** Publishes the records of a shard before its outcomes are committed, with a different time. */
  'publish-before-commit': async () => {
    const { MeasureStep, PublishStep } = await dist('bulk/shard-steps.js');
    const { StepRunner } = await dist('bulk/step-runner.js');
    let publish;
    const fillSlot = StepRunner.prototype.fillSlot;
    StepRunner.prototype.fillSlot = function (...args) {
      publish = this.work.publish;
      return fillSlot.apply(this, args);
    };
    const commit = MeasureStep.prototype.commit;
    MeasureStep.prototype.commit = async function (lease, outcomes, ...rest) {
      const job = await this.jobs.find(lease.jobId);
      const shard = { ...(await this.shards.find(lease.jobId, lease.shard)), recommendedAt: new Date(), processedSoFar: 0 };
      const stored = outcomes.map((outcome) => ({ ...outcome, recommendationJson: '[]' }));
      const early = Object.create(publish, { outcomes: { value: { ofShard: async () => stored } } });
      await PublishStep.prototype.publish.call(early, job, shard);
      return commit.call(this, lease, outcomes, ...rest);
    };
  },
  /** Marks a shard as published before its records are acknowledged. */
  'mark-before-ack': async () => {
    const { Publisher } = await dist('publication/publisher.js');
    const publish = Publisher.prototype.publish;
    Publisher.prototype.publish = async function (messages) {
      void sleep(1_000)
        .then(() => publish.call(this, messages))
        .catch(() => undefined);
      return messages.map(() => ({ status: 'acknowledged' }));
    };
  },
  /** Ends a job with any shard instead of the last one. */
  'unguarded-finalise': async () => {
    const { BulkJobStore } = await dist('bulk/job-rows.js');
    replaceInStatements(
      BulkJobStore,
      'completeIfDone',
      /AND NOT EXISTS \(SELECT FROM shard WHERE job_id = \$1 AND state = 'planned'\)/,
      '',
    );
  },
  /** A worker commits although it has lost its lease. */
  'lease-not-checked': async () => {
    const { LeaseStore } = await dist('bulk/lease-rows.js');
    replaceInStatements(LeaseStore, 'settle', 'AND fence = $4', 'AND $4::integer > 0');
    LeaseStore.prototype.renew = async (leases) => leases.map(() => 'held');
  },
};

if (isMainThread) await plants[process.env.CHAOS_FAULT]();
