import { DatasourceError } from '../datasource/datasource-error.js';
import { PublicationError } from '../publication/publication-error.js';
import { ProfileFailure, ThreadDied, ThreadsClosed } from '../sizing/sizer.js';
import { type Lease, LeaseLost, Stopped } from './lease-rows.js';
import { JobFailure, mostAttempts, TooManyAttempts, type Verdict, verdictOn } from './step-work.js';

const lease: Lease = { step: 'measure', jobId: 'j', shard: 0, fence: 1, attempts: 1, datasources: [] };
const notifications = { '400': { type: 'ERROR', message: 'too many', code: 400 } } as const;
const failsJob = { kind: 'fails-job', notifications: expect.any(Object) };

it.each<[string, unknown, number, object]>([
  ['a lost lease', new LeaseLost(lease), 1, { kind: 'stopped' }],
  ['a shutdown', new Stopped('the process shuts down'), mostAttempts, { kind: 'stopped' }],
  ['a job that ended', new Stopped('the job ended'), 1, { kind: 'stopped' }],
  ['a process that died at each attempt', new TooManyAttempts(5, undefined), 6, { kind: 'given-up' }],
  ['a job that cannot be done', new JobFailure(notifications), 1, { kind: 'fails-job', notifications }],
  ['a datasource that failed', new DatasourceError('unreachable', 'x'), 1, failsJob],
  ['a profile that cannot do it', new ProfileFailure('x'), 1, failsJob],
  ['Kafka being away', new PublicationError('unreachable'), mostAttempts, { kind: 'waits', pauseMs: 1_000 }],
  [
    'a refused topic',
    new PublicationError('not-authorized', 'x', { about: { topic: 't', operation: 'write' } }),
    mostAttempts,
    { kind: 'waits', pauseMs: 15_000 },
  ],
  ['PostgreSQL being away', Object.assign(new Error('x'), { code: '57P01' }), mostAttempts, { kind: 'waits', pauseMs: 1_000 }],
  ['threads that are closed', new ThreadsClosed(), mostAttempts, { kind: 'waits', pauseMs: 1_000 }],
  ['a thread that died', new ThreadDied(new Error('x')), 1, { kind: 'again', pauseMs: 1_000 }],
  ['a bug, first', new TypeError('x'), 1, { kind: 'again', pauseMs: 1_000 }],
  ['a bug, again', new TypeError('x'), 2, { kind: 'again', pauseMs: 2_000 }],
  ['a bug, and again', new TypeError('x'), mostAttempts - 1, { kind: 'again', pauseMs: 8_000 }],
  ['a bug, at last', new TypeError('x'), mostAttempts, { kind: 'given-up' }],
  ['what is no error', 'x', mostAttempts, { kind: 'given-up' }],
])('%s means %#', (_, reason, attempts, verdict) => {
  expect(verdictOn(reason, attempts)).toEqual(verdict as Verdict);
});
