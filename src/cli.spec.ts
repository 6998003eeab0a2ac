import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';

jest.setTimeout(60_000);

const root = fileURLToPath(new URL('..', import.meta.url));
const inputFile = (name: string) => join(root, 'test/fixtures/recommendations/in', `${name}.json`);
const expected = (name: string) =>
  JSON.parse(readFileSync(join(root, 'test/fixtures/recommendations/out', `${name}.json`), 'utf8')) as unknown;

/** Runs the command in its own process, as a user does. */
function run(args: string[], input = '') {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', 'src/cli.ts', ...args], {
    ...{ cwd: root, input, encoding: 'utf8' },
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  return { lines: stdout.split('\n').slice(0, -1), stderr, status };
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rightsizer-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('prints one line of JSON per file, in order, and reads stdin for -', () => {
  const { lines, stderr, status } = run(['recommend', inputFile('s1_small'), '-'], readFileSync(inputFile('s6_namespace'), 'utf8'));

  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([expected('s1_small'), expected('s6_namespace')]);
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
});

it('prints an error envelope for an invalid file, continues, and exits with status 1', () => {
  const [broken, faulty] = [join(folder, 'broken.json'), join(folder, 'faulty.json')];
  writeFileSync(broken, '{"namespace": ');
  writeFileSync(
    faulty,
    JSON.stringify({ namespace: 'shop', container: 'cart', now: 1718000037, series: { 'cpuUsage.max': [[0, 'much']] } }),
  );

  const { lines, status } = run(['recommend', join(folder, 'missing.json'), broken, faulty, inputFile('s7_empty')]);

  const envelope = (message: string) => ({
    message: expect.stringContaining(message),
    httpcode: 400,
    documentationLink: '',
    status: 'ERROR',
  });
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    envelope('missing.json: cannot be read (ENOENT)'),
    envelope('broken.json: is not JSON'),
    envelope('faulty.json: series.cpuUsage.max.0.1: expected a number as a string'),
    expected('s7_empty'),
  ]);
  expect(status).toBe(1);
});

it('explains on stderr and prints the same result', () => {
  const { lines, stderr } = run(['recommend', '--explain', inputFile('w2_multicore')]);

  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([expected('w2_multicore')]);
  expect(stderr).toContain('percentile 98 of 5 values is index 4 of 0..4');
});

it.each([
  [['--version'], 0, '0.1.0'],
  [['--help'], 0, 'recommend [options] <file...>'],
])('prints the result of %j', (args, status, text) => {
  const { lines, ...ended } = run(args);

  expect(ended.status).toBe(status);
  expect(lines.join('\n')).toContain(text);
});

it.each([
  [['recommend'], "missing required argument 'file'"],
  [['guess'], "unknown command 'guess'"],
  [['usage', 'a/b', '--datasource-url', 'http://127.0.0.1:1'], '"a/b" is not an experiment'],
  [['usage', 'shop', '--days', 'x', '--datasource-url', 'http://127.0.0.1:1'], '--days x: expected'],
])('rejects %j with a message', (args, text) => {
  const { stderr, status } = run(args);

  expect(stderr).toContain(text);
  expect(status).toBe(1);
});

it('explains how the queries of a metric profile are run', () => {
  const { lines, stderr, status } = run(['explain-profile', '--scope', 'container', '--measurement-duration', '1h']);

  expect(lines[0]).toBe('resource-optimization-local-monitoring, intervals of 60 min, USAGE_SCOPE container');
  expect(lines.find((line) => line.includes(' cpuUsage.avg '))).toMatch(/ chunks +batched$/);
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
});

it.each([
  [['mine'], 'there is no metric profile "mine"; there are: resource-optimization-local-monitoring'],
  [['--measurement-duration', '7min'], '--measurement-duration: "7min" does not divide a day'],
  [['--scope', 'pod'], 'Allowed choices are workload, container'],
])('for %j explains nothing, prints the reason on stderr and exits with status 1', (args, message) => {
  const { lines, stderr, status } = run(['explain-profile', ...args]);

  expect(stderr).toContain(message);
  expect({ lines, status }).toEqual({ lines: [], status: 1 });
});
