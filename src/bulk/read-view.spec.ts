import { cursorAfter } from './read-query.js';
import { readView } from './read-view.js';
import { RestError } from './rest-error.js';

function fieldRefusedIn(query: Record<string, unknown>): string | undefined {
  try {
    readView(query);
    return undefined;
  } catch (error) {
    if (!(error instanceof RestError)) throw error;
    expect(error.getStatus()).toBe(400);
    return error.message.match(/\(field: (\w+)\)$/)?.[1];
  }
}

describe('readView', () => {
  it('asks for the summary where nothing is said', () => {
    const { selection, experimentName, page } = readView({});
    expect([...selection.included]).toEqual([['summary', 'all']]);
    expect([experimentName, page]).toEqual([undefined, undefined]);
  });

  it('asks for everything where verbose is true and include absent', () => {
    expect([...readView({ verbose: 'true' }).selection.included.keys()]).toEqual(['summary', 'experiments', 'webhook', 'metadata']);
    expect([...readView({ verbose: 'true', include: 'metadata' }).selection.included.keys()]).toEqual(['metadata']);
  });

  it('joins a parameter that is given twice', () => {
    expect([...readView({ include: ['summary', 'metadata'] }).selection.included.keys()]).toEqual(['summary', 'metadata']);
  });

  it('takes no notice of unknown parameters', () => expect(readView({ foo: 'x', job_id: 'y' })).toEqual(readView({})));

  it.each(['ns|app(deployment)|c', 'ünï😀', '"\\\n', 'x'.repeat(2_000)])('goes on after the name %j', (name) => {
    expect(readView({ limit: '3', cursor: cursorAfter(name) }).page).toEqual({ limit: 3, after: name });
  });

  it.each(['1', '10000'])('takes limit=%s', (limit) => expect(readView({ limit }).page).toEqual({ limit: Number(limit), after: '' }));

  it.each([
    [{ limit: '0' }, 'limit'],
    [{ limit: '10001' }, 'limit'],
    [{ limit: '-1' }, 'limit'],
    [{ limit: '1.5' }, 'limit'],
    [{ limit: '1e2' }, 'limit'],
    [{ limit: '' }, 'limit'],
    [{ limit: 'ten' }, 'limit'],
    [{ limit: '5', cursor: '***' }, 'cursor'],
    [{ limit: '5', cursor: 'YQ==' }, 'cursor'],
    [{ limit: '5', cursor: Buffer.from([0xff]).toString('base64url') }, 'cursor'],
    [{ limit: '5', cursor: cursorAfter('a\u0000') }, 'cursor'],
    [{ experiment_name: 'a\u0000' }, 'experiment_name'],
    [{ include: { a: 'b' } }, 'include'],
    [{ exclude: { a: 'b' } }, 'exclude'],
  ])('refuses %j, naming the parameter', (query, field) => expect(fieldRefusedIn(query)).toBe(field));

  it('quotes what it refuses, in a few words', () => {
    expect(() => readView({ limit: '9'.repeat(1_000) })).toThrow(
      `"${'9'.repeat(100)}" is not a whole number from 1 to 10000 (field: limit)`,
    );
    expect(() => readView({ limit: { a: 'b' } })).toThrow('{"a":"b"} is not a whole number');
  });
});
