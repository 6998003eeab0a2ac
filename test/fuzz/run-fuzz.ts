import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import pg from 'pg';
import { checkStart } from '../../src/check-start.js';
import { SettingsError } from '../../src/settings/read-settings.js';
import { startPostgres } from '../servers/postgres.js';
import { type Service, startService } from '../servers/service.js';
import { waitUntil } from '../servers/wait-until.js';
import { type DatasourceAnswer, datasourceAnswer } from './datasource-inputs.js';
import { type RestInput, restInput } from './rest-inputs.js';
import { environment, secret } from './setting-inputs.js';

const help = `npm run test:fuzz -- --seed N [--inputs N] [--only PART]

Sends strange requests to a service, answers its jobs with strange data and starts it with strange settings; PART is rest, datasource or settings. The
same seed makes the same inputs. What must hold: no 5xx, no error answer above 10 kB or slower than 2 s, no faulty JSON, the event loop never held over
200 ms, memory flat, no fault of ours in the log, no job without an end, no secret shown. Ends with 1 on a violation.
`;

const mostErrorBytes = 10_000;
const mostRefusalMs = 2_000;
const mostHeldMs = 200;
/** Maximum growth of the heap from the first fifth of the inputs to the end. */
const mostGrowthMb = 40;
const jobsEndMs = 120_000;
const requestsAtOnce = 4;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    inputs: { type: 'string', default: '1200' },
    only: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const [seed, inputs] = [Number(values.seed), Number(values.inputs)];
const parts = ['rest', 'datasource', 'settings'];
if (values.help || !Number.isInteger(seed) || !(inputs >= 20) || !(values.only === undefined || parts.includes(values.only))) {
  process[values.help ? 'stdout' : 'stderr'].write(help);
  process.exit(values.help ? 0 : 2);
}
const isWanted = (part: string) => values.only === undefined || values.only === part;

let violations = 0;
function violate(what: string, input?: unknown): void {
  violations++;
  const short = (_key: string, value: unknown) => (typeof value === 'string' && value.length > 300 ? `${value.slice(0, 300)}…` : value);
  const shown = input === undefined ? '' : `: ${JSON.stringify(input, short).slice(0, 1_000)}`;
  process.stdout.write(`violation: ${what}${shown}\n`);
}

function sample<T>(of: fc.Arbitrary<T>, count: number): T[] {
  return fc.sample(of, { seed, numRuns: count });
}

const told = { rest: Math.ceil(inputs * 0.7), datasource: Math.ceil(inputs * 0.15), settings: Math.ceil(inputs * 0.15) };

/** Sends requests, and serves responses to the jobs that they start. */
async function fuzzService(): Promise<void> {
  const answers = sample(datasourceAnswer, 500);
  const datasource = await startDatasource(answers);
  const postgres = await startPostgres();
  const databaseUrl = await postgres.createDatabase();
  const service = await startService({
    env: {
      NODE_OPTIONS: `--import ${new URL('./watch.mjs', import.meta.url).href}`,
      PROMETHEUS_URL: datasource.url,
      DATABASE_URL: databaseUrl,
      DATASOURCE_RETRY_MS: '100',
      DATASOURCE_TIMEOUT_MS: '2000',
      LOG_LEVEL: 'info',
    },
  });
  try {
    if (isWanted('rest')) await fuzzRest(service);
    if (isWanted('datasource')) await fuzzJobs(service);
    await checkJobsEnd(databaseUrl);
    checkLog(service);
  } finally {
    await service.stop();
    await postgres.stop();
    datasource.close();
  }
}

async function fuzzRest(service: Service): Promise<void> {
  const requests = sample(restInput, told.rest);
  const warm = Math.ceil(requests.length / 5);
  await inTurns(requests.slice(0, warm), (input) => tryRequest(service, input));
  const before = await heapOf(service);
  await inTurns(requests.slice(warm), (input) => tryRequest(service, input));
  const growth = (await heapOf(service)) - before;
  if (growth > mostGrowthMb) violate(`the heap grew by ${growth.toFixed(0)} MB`);
  process.stdout.write(`rest: ${requests.length} requests, the heap grew by ${growth.toFixed(1)} MB\n`);
}

async function inTurns<T>(items: readonly T[], use: (item: T) => Promise<void>): Promise<void> {
  const left = [...items].reverse();
  const work = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await use(item);
  };
  await Promise.all(Array.from({ length: requestsAtOnce }, work));
}

async function tryRequest(service: Service, input: RestInput): Promise<void> {
  const shown = { ...input, body: input.body?.subarray(0, 300).toString('latin1'), bytes: input.body?.length };
  const startMs = performance.now();
  const answer = await send(service, input).catch((error: NodeJS.ErrnoException) => error.code ?? error.message);
  const ms = performance.now() - startMs;
  if (typeof answer === 'string') {
    // Requests that Node's client cannot send are skipped. The service may close the connection early if a body is too large.
    if (!['ERR_INVALID_CHAR', 'ERR_UNESCAPED_CHARACTERS', 'ECONNRESET', 'EPIPE'].includes(answer)) violate(`no answer, ${answer}`, shown);
    return;
  }
  const { status, text, type } = answer;
  if (status >= 500) violate(`answer ${status}`, { ...shown, text });
  if (status >= 400 && text.length > mostErrorBytes) violate(`an error answer of ${text.length} bytes`, shown);
  if (status >= 400 && ms > mostRefusalMs) violate(`a refusal after ${ms.toFixed(0)} ms`, shown);
  if (type.startsWith('application/json') && input.method !== 'HEAD' && !isJson(text))
    violate('an answer that is no JSON', { ...shown, text });
}

function send(service: Service, { method, path, headers, body }: RestInput): Promise<{ status: number; text: string; type: string }> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(service.url);
    const request = http.request(
      { host: '127.0.0.1', port, method, path, headers: { ...headers, 'content-length': body?.length ?? 0 } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString(), type: response.headers['content-type'] ?? '' }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return text === '';
  }
}

async function heapOf(service: Service): Promise<number> {
  const before = service.logs.length;
  process.kill(service.pid, 'SIGUSR2');
  const isHeap = ({ msg }: { msg: string }) => msg === 'fuzz heap';
  await waitUntil('the service tells its memory', () => service.logs.slice(before).some(isHeap));
  return service.logs.slice(before).find(isHeap)!.usedMb as number;
}

/** A server that sends these responses in turn, whatever the request. */
async function startDatasource(answers: readonly DatasourceAnswer[]): Promise<{ url: string; close: () => void }> {
  let asked = 0;
  const server = http.createServer((request, response) => {
    const { status, headers, body, cutAt } = answers[asked++ % answers.length]!;
    request.resume().on('end', () => {
      response.writeHead(status, { ...headers, 'content-length': body.length });
      if (cutAt === undefined) response.end(body);
      else response.write(body.subarray(0, cutAt), () => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

/** Runs valid jobs, each with other responses of the datasource. */
async function fuzzJobs(service: Service): Promise<void> {
  const ends = Array.from({ length: told.datasource }, (_, index) => new Date(Date.UTC(2026, 10, 21) + index * 3_600_000).toISOString());
  await inTurns(ends, async (end) => {
    const answer = await fetch(`${service.url}/bulk`, { method: 'POST', body: JSON.stringify({ time_range: { end }, refresh: true }) });
    if (answer.status !== 200) violate(`a good request is answered ${answer.status}`);
  });
  process.stdout.write(`datasource: ${ends.length} jobs\n`);
}

async function checkJobsEnd(databaseUrl: string): Promise<void> {
  const database = new pg.Client(databaseUrl);
  await database.connect();
  const running = async () => (await database.query(`SELECT id, request FROM bulk_job WHERE status = 'IN_PROGRESS'`)).rows;
  await waitUntil('all jobs have ended', async () => (await running()).length === 0, { timeoutMs: jobsEndMs }).catch(() => undefined);
  for (const job of await running()) violate('a job that does not end', job);
  const { rows } = await database.query(`SELECT id, notifications, request FROM bulk_job WHERE notifications ? '500'`);
  for (const job of rows) violate('a job that a fault of ours ended', job);
  await database.end();
}

function checkLog(service: Service): void {
  // The start includes loading the modules.
  const loops = service.logs.slice(service.logs.findIndex(({ msg }) => msg === 'listening') + 2).filter(({ msg }) => msg === 'fuzz loop');
  for (const line of service.logs) {
    if (line.level === 'error' || line.level === 'fatal') violate('a fault of ours in the log', line);
    if (/Warning/.test(line.msg)) violate('a warning of Node', line);
  }
  if (service.logs.filter(({ msg }) => msg === 'listening').length !== 1) violate('the service did not live through it');
  for (const { heldMs } of loops)
    if ((heldMs as number) > mostHeldMs) violate(`the event loop was held for ${(heldMs as number).toFixed(0)} ms`);
  const held = Math.max(...loops.map(({ heldMs }) => heldMs as number));
  process.stdout.write(`service: the event loop was held for ${held.toFixed(0)} ms at most\n`);
}

function fuzzSettings(): void {
  for (const given of sample(environment, told.settings)) {
    try {
      checkStart(given);
    } catch (error) {
      if (!(error instanceof SettingsError)) {
        violate(`settings end in ${String(error)}`, given);
        continue;
      }
      for (const fault of error.faults) {
        const name = fault.split(':', 1)[0]!;
        if (fault.length > 2_000) violate('a fault of more than 2,000 characters', given);
        if (/PASSWORD|SECRET|_URL$|ENDPOINT|PROXY/.test(name) && fault.includes(secret))
          violate('a fault that tells a secret', { given, fault });
      }
    }
  }
  process.stdout.write(`settings: ${told.settings} environments\n`);
}

if (isWanted('settings')) fuzzSettings();
if (isWanted('rest') || isWanted('datasource')) await fuzzService();
const done = parts.filter(isWanted).reduce((sum, part) => sum + told[part as keyof typeof told], 0);
process.stdout.write(`inputs ${done}, violations ${violations}\n`);
process.exit(violations > 0 ? 1 : 0);
