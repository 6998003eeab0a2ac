import { EventEmitter } from 'node:events';
import { jest } from '@jest/globals';
import { BadRequestException, NotFoundException } from '@nestjs/common';
import { logger } from '../settings/logger.js';
import { RejectedRequest } from '../sizing/bulk-request.js';
import { jsonBounds } from '../sizing/read-json.js';
import { ErrorEnvelopeFilter, JsonBodyPipe, respondInTime } from './errors.js';

/** Response to an error, and whether the connection is cut. */
function responseTo(
  error: unknown,
  begun: { headersSent: boolean; writableEnded: boolean } = { headersSent: false, writableEnded: false },
) {
  const sent: { status?: number; body?: Record<string, unknown>; retryAfter?: number; isCut?: boolean } = {};
  const response = {
    ...begun,
    setHeader: (_: string, value: number) => (sent.retryAfter = value),
    status: (status: number) => {
      sent.status = status;
      return response;
    },
    type: () => response,
    send: (body: string) => (sent.body = JSON.parse(body)),
    destroy: () => (sent.isCut = true),
  };
  new ErrorEnvelopeFilter().catch(error, { switchToHttp: () => ({ getResponse: () => response }) } as never);
  return sent;
}

const bodyParser = Object.assign(new Error('request entity too large'), { type: 'entity.too.large', status: 413 });
const databaseAway = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });

it.each<[string, unknown, number, string]>([
  [
    'a rejected request',
    Object.assign(Object.create(RejectedRequest.prototype), { status: 409, message: 'another one' }),
    409,
    'another one',
  ],
  ['an unknown path', new NotFoundException('Cannot GET /x'), 404, 'Not Found'],
  ['an exception of Nest', new BadRequestException('no'), 400, 'no'],
  ['a body that is too large', bodyParser, 413, 'The body cannot be read: request entity too large'],
  ['an error with a status that is not about the body', Object.assign(new Error('x'), { status: 418 }), 500, 'Internal Server Error'],
  ['an error with only a type', Object.assign(new Error('x'), { type: 'x' }), 500, 'Internal Server Error'],
  ['a bug', new Error('secret'), 500, 'Internal Server Error'],
])('sends %s in the envelope', (_, error, status, message) => {
  expect(responseTo(error)).toEqual({ status, body: { message, httpcode: status, documentationLink: '', status: 'ERROR' } });
});

it('sends Retry-After while the database is unavailable', () => {
  expect(responseTo(databaseAway)).toMatchObject({ status: 503, retryAfter: 5, body: { httpcode: 503 } });
});

it('cuts off a response that has begun, and ignores one that has ended', () => {
  expect(responseTo(databaseAway, { headersSent: true, writableEnded: false })).toEqual({ isCut: true });
  expect(responseTo(databaseAway, { headersSent: true, writableEnded: true })).toEqual({});
});

it('sends 503 after the timeout, and drops later errors of the request', async () => {
  jest.useFakeTimers();
  const logged = jest.spyOn(logger, 'error').mockImplementation(() => undefined);
  const sent: number[] = [];
  let isCut = false;
  const response = Object.assign(new EventEmitter(), {
    headersSent: false,
    writableEnded: false,
    setHeader: () => undefined,
    status: (status: number) => {
      sent.push(status);
      return response;
    },
    type: () => response,
    send: () => {
      response.headersSent = true;
    },
    destroy: () => {
      isCut = true;
    },
  });
  try {
    respondInTime({} as never, response as never, () => undefined);
    jest.advanceTimersByTime(8_999);
    expect(sent).toEqual([]);
    jest.advanceTimersByTime(1);
    const late = Object.assign(new Error('Cannot set headers after they are sent'), { code: 'ERR_HTTP_HEADERS_SENT' });
    for (const error of [late, databaseAway])
      new ErrorEnvelopeFilter().catch(error, { switchToHttp: () => ({ getResponse: () => response }) } as never);
    expect([sent, isCut, logged.mock.calls]).toEqual([[503], false, []]);
  } finally {
    logged.mockRestore();
    jest.useRealTimers();
  }
});

it.each(['x', '\u0001', 'ü', '😀'])('sends less than 10 kB, however long the message is: %j', (letter) => {
  const { body } = responseTo(new BadRequestException(letter.repeat(1_000_000)));
  expect(Buffer.byteLength(JSON.stringify(body))).toBeLessThan(10_000);
  expect(body!.message).toMatch(/…$/);
});

it.each<[string, unknown, number]>([
  ['a bug', new Error('secret'), 1],
  ['an unavailable database', databaseAway, 1],
  ['an invalid request', new BadRequestException('no'), 0],
])("logs only errors that are not the caller's fault: %s", (_, error, times) => {
  const logged = jest.spyOn(logger, 'error').mockImplementation(() => undefined);
  responseTo(error);
  expect(logged).toHaveBeenCalledTimes(times);
  logged.mockRestore();
});

const read = (body: unknown) => new JsonBodyPipe().transform(body);

it.each([
  ['{"a": 1}', { a: 1 }],
  [' [] ', []],
  ['null', null],
  ['', undefined],
  [' \n', undefined],
  [undefined, undefined],
  [{}, undefined],
])('reads the body %j as %j', (body, value) => {
  expect(read(body)).toEqual(value);
});

it('says where a body is not JSON', () => {
  expect(() => read('{"a": }')).toThrow(/The body is not JSON: Unexpected token/);
});

describe('a body with limits', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  const members = (commas: number) => `[${'1,'.repeat(commas)}1]`;

  it('is accepted up to the limits', () => {
    expect(read(nested(jsonBounds.depth))).toBeDefined();
    expect(read(members(jsonBounds.members))).toHaveLength(jsonBounds.members + 1);
    expect(() => read(`{${Array(jsonBounds.named).fill('"a":1').join()}}`)).not.toThrow();
    expect(read(`[${'{"a":[1]},'.repeat(100)}1]`)).toHaveLength(101);
  });

  it.each([
    ['nested too deeply', nested(jsonBounds.depth + 1), /nested deeper than 32 levels/],
    ['of objects nested too deeply', '{"a":'.repeat(33), /nested deeper than 32 levels/],
    ['nested too deeply, with values on each level', '[1,true,{"a":'.repeat(20), /nested deeper than 32 levels/],
    ['with too many members', members(jsonBounds.members + 1), /more than 50000 members/],
    ['with too many named members', `{${'"a":1,'.repeat(10_001)}`, /more than 10000 named members/],
    ['with an unterminated string', `["${'\\\\'.repeat(1_000)}\\"`, /not JSON/],
    ['cut off at any depth', '['.repeat(1_000_000), /nested deeper/],
  ])('is rejected if %s', (_, body, message) => {
    expect(() => read(body)).toThrow(message);
  });

  it('ignores the content of strings', () => {
    const text = `${nested(100)},,, \\ " `.repeat(1_000);
    expect(read(JSON.stringify({ [text]: [text] }))).toEqual({ [text]: [text] });
  });
});
