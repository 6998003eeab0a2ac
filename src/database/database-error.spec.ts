import { QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';
import { connectFailure, isDatabaseAway, storable } from './database-error.js';

const errorWithCode = (code: string, message = 'reported') => Object.assign(new Error(message), { code });

describe('isDatabaseAway', () => {
  it.each([
    ['a terminated backend', errorWithCode('57P01')],
    ['a server that starts up', errorWithCode('57P03')],
    ['too many connections', errorWithCode('53300')],
    ['a full disk', errorWithCode('53100')],
    ['an I/O error', errorWithCode('58030')],
    ['a deadlock', errorWithCode('40P01')],
    ['a cancelled statement', errorWithCode('57014')],
    ['a standby', errorWithCode('25006')],
    ['a transaction that was idle for too long', errorWithCode('25P03')],
    ['a refused login', errorWithCode('28P01')],
    ['a database that is being restored', errorWithCode('3D000')],
    ['a refused connection', errorWithCode('ECONNREFUSED')],
    ['a reset connection', errorWithCode('ECONNRESET')],
    ['a name that cannot be resolved now', errorWithCode('EAI_AGAIN')],
    ['a terminated connection', new Error('Connection terminated unexpectedly')],
    ['a server that does not respond', connectFailure('postgres://db/x', new Error('timeout expired'))],
    ['a pool without a free connection', new Error('timeout exceeded when trying to connect')],
    ['a connection that failed earlier', new Error('Client has encountered a connection error and is not queryable')],
    ['a connection that failed in a transaction', new QueryRunnerAlreadyReleasedError()],
    ['a connection that failed before a repository query', new QueryRunnerProviderAlreadyReleasedError()],
    ['an error that TypeORM wraps', Object.assign(new Error('failed'), { driverError: errorWithCode('57P01') })],
    ['a cause', new Error('failed', { cause: errorWithCode('08006') })],
    ['one of several errors', new AggregateError([errorWithCode('ECONNREFUSED')], '')],
  ])('is true for %s', (_, error) => {
    expect(isDatabaseAway(error)).toBe(true);
  });

  it.each([
    ['a duplicate key', errorWithCode('23505')],
    ['a faulty statement', errorWithCode('42601')],
    ['a missing table', errorWithCode('42P01')],
    ['text that cannot be stored', errorWithCode('22021')],
    ['a bug', new TypeError('x is not a function')],
    ['no error', 'Connection terminated'],
    ['nothing', undefined],
  ])('is false for %s', (_, error) => {
    expect(isDatabaseAway(error)).toBe(false);
  });
});

it('names the server in a connection error, but not the password', () => {
  expect(connectFailure('postgres://me:s3cret@db:5433/sizes', new Error('timeout expired')).message).toBe(
    'PostgreSQL at db:5433/sizes cannot be used: timeout expired. Check it and DATABASE_URL.',
  );
});

it.each([
  ['ünï💥', 'ünï💥'],
  ['a\0b', 'a\uFFFDb'],
  ['\ud800', '\uFFFD'],
  [{ a: ['\0', 1, null, { b: '\udc00x' }] }, { a: ['\uFFFD', 1, null, { b: '\uFFFDx' }] }],
])('stores %j as %j', (value, stored) => expect(storable(value)).toEqual(stored));

it('leaves other objects unchanged', () => {
  const date = new Date(0);
  expect(storable({ date }).date).toBe(date);
});
