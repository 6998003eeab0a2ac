import { DatasourceError } from '../datasource/datasource-error.js';
import { PublicationError } from '../publication/publication-error.js';
import { ProfileFailure, ThreadDied, ThreadsClosed } from '../sizing/sizer.js';
import { type Lease, LeaseLost, Stopped } from './lease-rows.js';
import { JobFailure, maxAttempts, TooManyAttempts, type Verdict, verdictOn } from './step-work.js';

const lease: Lease = { step: 'measure', jobId: 'j', shard: 0, fence: 1, attempts: 1, datasources: [] };
const notifications = { '400': { type: 'ERROR', message: 'too many', code: 400 } } as const;
const failsJob = { kind: 'fails-job', notifications: expect.any(Object) };

it.each<[string, unknown, number, object]>([
  ['a lost lease', new LeaseLost(lease), 1, { kind: 'stopped' }],
  ['a shutdown', new Stopped('the process shuts down'), maxAttempts, { kind: 'stopped' }],
  ['a job that ended', new Stopped('the job ended'), 1, { kind: 'stopped' }],
  ['a process that died in each attempt', new TooManyAttempts(5, undefined), 6, { kind: 'given-up' }],
  ['a job that cannot run', new JobFailure(notifications), 1, { kind: 'fails-job', notifications }],
  ['a failed datasource', new DatasourceError('unreachable', 'x'), 1, failsJob],
  ['a profile that does not suffice', new ProfileFailure('x'), 1, failsJob],
  ['an unavailable Kafka', new PublicationError('unreachable'), maxAttempts, { kind: 'waits', pauseMs: 1_000 }],
  [
    'a refused topic',
    new PublicationError('not-authorized', 'x', { about: { topic: 't', operation: 'write' } }),
    maxAttempts,
    { kind: 'waits', pauseMs: 15_000 },
  ],
  ['an unavailable PostgreSQL', Object.assign(new Error('x'), { code: '57P01' }), maxAttempts, { kind: 'waits', pauseMs: 1_000 }],
  ['closed threads', new ThreadsClosed(), maxAttempts, { kind: 'waits', pauseMs: 1_000 }],
  ['a dead thread', new ThreadDied(new Error('x')), 1, { kind: 'again', pauseMs: 1_000 }],
  ['a first bug', new TypeError('x'), 1, { kind: 'again', pauseMs: 1_000 }],
  ['a second bug', new TypeError('x'), 2, { kind: 'again', pauseMs: 2_000 }],
  ['a fourth bug', new TypeError('x'), maxAttempts - 1, { kind: 'again', pauseMs: 8_000 }],
  ['a last bug', new TypeError('x'), maxAttempts, { kind: 'given-up' }],
  ['a thrown value that is not an error', 'x', maxAttempts, { kind: 'given-up' }],
])('%s leads to its verdict', (_, reason, attempts, verdict) => {
  expect(verdictOn(reason, attempts)).toEqual(verdict as Verdict);
});
