import { jobCursor, readJobList } from './read-job-list.js';

const id = '00000000-0000-4000-8000-00000000000a';
const startedAt = new Date('2026-11-21T03:30:00.123Z');

it('reads nothing as the first hundred of all jobs', () => {
  expect(readJobList({})).toEqual({ limit: 100, status: undefined, after: undefined });
});

it('reads a status, a limit and the cursor that it gave', () => {
  expect(readJobList({ status: 'FAILED', limit: '7', cursor: jobCursor({ startedAt, id }) })).toEqual({
    limit: 7,
    status: 'FAILED',
    after: { startedAt, id },
  });
});

it.each([
  [{ status: 'DONE' }, /"DONE" is not one of .*FAILED.* \(field: status\)/],
  [{ status: ['FAILED'] }, /field: status/],
  [{ limit: '0' }, /field: limit/],
  [{ cursor: 'x' }, /field: cursor/],
  [{ cursor: jobCursor({ startedAt, id: 'short' }) }, /field: cursor/],
  [{ cursor: jobCursor({ startedAt, id: '-'.repeat(36) }) }, /field: cursor/],
  [{ cursor: jobCursor({ startedAt: new Date(-8.64e15), id }) }, /field: cursor/],
  [{ cursor: Buffer.from(`then ${id}`).toString('base64url') }, /field: cursor/],
])('refuses %j', (query, message) => {
  expect(() => readJobList(query)).toThrow(message);
});
