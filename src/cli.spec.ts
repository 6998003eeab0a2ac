import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';

jest.setTimeout(60_000);

const root = fileURLToPath(new URL('..', import.meta.url));
const vector = (name: string) => join(root, 'test/fixtures/recommendations/in', `${name}.json`);
const answer = (name: string) =>
  JSON.parse(readFileSync(join(root, 'test/fixtures/recommendations/out', `${name}.json`), 'utf8')) as unknown;

/** Runs the command as a user does, in a process of its own. */
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

it('answers each file with one line of JSON, in their order, and stdin for -', () => {
  const { lines, stderr, status } = run(['recommend', vector('s1_small'), '-'], readFileSync(vector('s6_namespace'), 'utf8'));

  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([answer('s1_small'), answer('s6_namespace')]);
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
});

it('answers a bad file with the error envelope on its line, goes on, and ends with status 1', () => {
  const [broken, faulty] = [join(folder, 'broken.json'), join(folder, 'faulty.json')];
  writeFileSync(broken, '{"namespace": ');
  writeFileSync(
    faulty,
    JSON.stringify({ namespace: 'shop', container: 'cart', now: 1718000037, series: { 'cpuUsage.max': [[0, 'much']] } }),
  );

  const { lines, status } = run(['recommend', join(folder, 'missing.json'), broken, faulty, vector('s7_empty')]);

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
    answer('s7_empty'),
  ]);
  expect(status).toBe(1);
});

it('explains on stderr, and answers the same', () => {
  const { lines, stderr } = run(['recommend', '--explain', vector('w2_multicore')]);

  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([answer('w2_multicore')]);
  expect(stderr).toContain('percentile 98 of 5 values is index 4 of 0..4');
});

it.each([
  [['--version'], 0, '0.1.0'],
  [['--help'], 0, 'recommend [options] <file...>'],
])('answers %j', (args, status, text) => {
  const { lines, ...ended } = run(args);

  expect(ended.status).toBe(status);
  expect(lines.join('\n')).toContain(text);
});

it.each([
  [['recommend'], "missing required argument 'file'"],
  [['guess'], "unknown command 'guess'"],
  [['usage', 'a/b', '--datasource-url', 'http://127.0.0.1:1'], '"a/b" names no experiment'],
  [['usage', 'shop', '--days', 'x', '--datasource-url', 'http://127.0.0.1:1'], '--days x: expected'],
])('refuses %j in words', (args, text) => {
  const { stderr, status } = run(args);

  expect(stderr).toContain(text);
  expect(status).toBe(1);
});

it('explains how the queries of a metric profile are answered', () => {
  const { lines, stderr, status } = run(['explain-profile', '--scope', 'container', '--measurement-duration', '1h']);

  expect(lines[0]).toBe('resource-optimization-local-monitoring, intervals of 60 min, USAGE_SCOPE container');
  expect(lines.find((line) => line.includes(' cpuUsage.avg '))).toMatch(/ chunks +batched$/);
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
});

it.each([
  [['mine'], 'there is no metric profile "mine"; there are: resource-optimization-local-monitoring'],
  [['--measurement-duration', '7min'], '--measurement-duration: "7min" does not divide a day'],
  [['--scope', 'pod'], 'Allowed choices are workload, container'],
])('explains nothing for %j, says why on stderr and ends with status 1', (args, complaint) => {
  const { lines, stderr, status } = run(['explain-profile', ...args]);

  expect(stderr).toContain(complaint);
  expect({ lines, status }).toEqual({ lines: [], status: 1 });
});
