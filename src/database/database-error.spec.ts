import { QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';
import { connectFailure, isDatabaseAway, storable } from './database-error.js';

const coded = (code: string, message = 'said') => Object.assign(new Error(message), { code });

describe('isDatabaseAway', () => {
  it.each([
    ['a terminated backend', coded('57P01')],
    ['a server that starts up', coded('57P03')],
    ['too many connections', coded('53300')],
    ['a full disk', coded('53100')],
    ['an I/O error', coded('58030')],
    ['a deadlock', coded('40P01')],
    ['a cancelled statement', coded('57014')],
    ['a standby', coded('25006')],
    ['a transaction that was idle for too long', coded('25P03')],
    ['a refused login', coded('28P01')],
    ['a database that is being restored', coded('3D000')],
    ['a refused connection', coded('ECONNREFUSED')],
    ['a reset connection', coded('ECONNRESET')],
    ['a name that nobody knows now', coded('EAI_AGAIN')],
    ['an ended connection', new Error('Connection terminated unexpectedly')],
    ['a server that does not answer', connectFailure('postgres://db/x', new Error('timeout expired'))],
    ['a pool without a free connection', new Error('timeout exceeded when trying to connect')],
    ['a connection that broke before', new Error('Client has encountered a connection error and is not queryable')],
    ['a connection that broke in a transaction', new QueryRunnerAlreadyReleasedError()],
    ['a connection that broke before a repository asked', new QueryRunnerProviderAlreadyReleasedError()],
    ['what TypeORM wraps', Object.assign(new Error('failed'), { driverError: coded('57P01') })],
    ['a cause', new Error('failed', { cause: coded('08006') })],
    ['one of several', new AggregateError([coded('ECONNREFUSED')], '')],
  ])('holds for %s', (_, error) => {
    expect(isDatabaseAway(error)).toBe(true);
  });

  it.each([
    ['a duplicate key', coded('23505')],
    ['a faulty statement', coded('42601')],
    ['a missing table', coded('42P01')],
    ['text that cannot be stored', coded('22021')],
    ['a bug', new TypeError('x is not a function')],
    ['no error', 'Connection terminated'],
    ['nothing', undefined],
  ])('does not hold for %s', (_, error) => {
    expect(isDatabaseAway(error)).toBe(false);
  });
});

it('names the server of a failure to connect, and no password', () => {
  expect(connectFailure('postgres://me:s3cret@db:5433/sizes', new Error('timeout expired')).message).toBe(
    'PostgreSQL at db:5433/sizes cannot be used: timeout expired. Check it and DATABASE_URL.',
  );
});

it.each([
  ['ünï💥', 'ünï💥'],
  ['a\0b', 'a\uFFFDb'],
  ['\ud800', '\uFFFD'],
  [{ a: ['\0', 1, null, { b: '\udc00x' }] }, { a: ['\uFFFD', 1, null, { b: '\uFFFDx' }] }],
])('makes %j %j', (value, made) => expect(storable(value)).toEqual(made));

it('leaves what is no plain value', () => {
  const date = new Date(0);
  expect(storable({ date }).date).toBe(date);
});
