import { JsonBodyPipe, jsonBounds } from './json-body.pipe.js';

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

it('says where a body breaks', () => {
  expect(() => read('{"a": }')).toThrow(/The body is not JSON: Unexpected token/);
});

describe('a body with a bound', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  const members = (commas: number) => `[${'1,'.repeat(commas)}1]`;

  it('is read up to it', () => {
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
    ['with a text that does not end', `["${'\\\\'.repeat(1_000)}\\"`, /not JSON/],
    ['cut off at any depth', '['.repeat(1_000_000), /nested deeper/],
  ])('is refused %s', (_, body, message) => {
    expect(() => read(body)).toThrow(message);
  });

  it('does not count what stands in texts', () => {
    const text = `${nested(100)},,, \\ " `.repeat(1_000);
    expect(read(JSON.stringify({ [text]: [text] }))).toEqual({ [text]: [text] });
  });
});
