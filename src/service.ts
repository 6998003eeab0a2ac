import 'reflect-metadata';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { RequestHandler } from 'express';
import { AppModule } from './app.module.js';
import { untilAborted } from './calls/abort.js';
import { checkStart } from './check-start.js';
import { startEmbeddedPostgres } from './database/embedded-postgres.js';
import { ErrorEnvelopeFilter, respondInTime } from './rest/errors.js';
import { refuseForeignPages } from './rest/foreign-pages.js';
import { HealthController, openWarning, reachesOthers } from './rest/health.controller.js';
import { logger, logOf, NestLogger } from './settings/logger.js';
import { SettingsError } from './settings/read-settings.js';
import type { Settings } from './settings/settings-schema.js';
import { version } from './version.js';

export { describeSettings } from './settings/describe-settings.js';

const log = logOf('main');

/** Beside the time for steps in progress, closing may take so long; then the process ends all the same. */
const closingMs = 10_000;

/** Runs the service until the signal fires, and ends what it started, whenever that comes. Returns the process' exit code, 1 after a fault; never rejects. */
export async function runService(signal: AbortSignal): Promise<number> {
  try {
    const { settings, warnings } = checkStart(process.env);
    logger.level = settings.LOG_LEVEL;
    for (const warning of warnings) log.warn(warning);
    await checkAddress(settings);
    await withDatabase(settings, signal, (databaseUrl) => serve(settings, databaseUrl, signal));
    return 0;
  } catch (error) {
    if (signal.aborted && error === signal.reason) return error instanceof Error ? 1 : 0;
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    const isPlain = error instanceof SettingsError || process.env.LOG_LEVEL !== 'debug';
    process.stderr.write(`rightsizer does not start. ${isPlain ? message : stack}\n`);
    return 1;
  }
}

/** Runs `use` with a database: the one that the settings name, else an embedded one, which ends afterwards. */
async function withDatabase(settings: Settings, signal: AbortSignal, use: (url: string) => Promise<void>): Promise<void> {
  if (settings.DATABASE_URL !== undefined) return use(settings.DATABASE_URL);
  const embedded = await startEmbeddedPostgres(settings.DATA_DIR);
  try {
    signal.throwIfAborted();
    await use(embedded.url);
  } finally {
    await embedded.stop();
  }
}

async function serve(settings: Settings, databaseUrl: string, signal: AbortSignal): Promise<void> {
  const nestLogger = new NestLogger();
  const creating = NestFactory.create<NestExpressApplication>(AppModule.of(settings, databaseUrl), {
    logger: nestLogger,
    abortOnError: false,
    bodyParser: false,
    forceCloseConnections: true,
  });
  const app = await untilAborted(creating, signal);
  try {
    app.use(respondInTime);
    app.use(withoutPrefix(settings.BASE_PATH));
    app.use(refuseForeignPages(settings));
    // Browsers ask before they send what is not simple; only pages that are named are told yes.
    if (settings.CORS_ORIGINS) app.enableCors({ origin: settings.CORS_ORIGINS, exposedHeaders: ['Link'] });
    // As in the reference, the content type is not looked at; whoever takes a body parses it and says what is wrong with it.
    app.useBodyParser('text', { type: () => true, limit: '2mb' });
    app.useGlobalFilters(new ErrorEnvelopeFilter());
    app.disable('x-powered-by');
    await untilAborted(listen(app, settings), signal);
    nestLogger.isStarted = true;
    if (reachesOthers(settings)) log.warn({ host: settings.HOST }, openWarning);
    log.info({ port: new URL(await app.getUrl()).port, role: settings.ROLE, version }, 'listening');
    await untilAborted(new Promise<never>(() => undefined), signal);
  } finally {
    if (signal.aborted) log.info({ signal: signal.reason }, 'stopping');
    app.get(HealthController, { strict: false }).drain();
    const closed = app.close().catch((error) => log.error({ error: String(error) }, 'the service does not stop cleanly'));
    const late = sleep(settings.SHUTDOWN_TIMEOUT_MS + closingMs, 'late', { ref: false });
    if ((await Promise.race([closed, late])) === 'late') log.error('the service does not stop in time; it ends now');
  }
}

/** Express middleware: takes the prefix from addresses. What has none is served too, such as probes that ask the pod itself. */
function withoutPrefix(prefix: string): RequestHandler {
  return (request, _, next) => {
    // A request to a proxy names the whole address (RFC 9112, 3.2.2).
    request.url = request.url.replace(/^https?:\/\/[^/?]*/i, '') || '/';
    const rest = request.url.slice(prefix.length);
    if (prefix && request.url.startsWith(prefix) && /^([/?]|$)/.test(rest)) request.url = rest.startsWith('/') ? rest : `/${rest}`;
    next();
  };
}

/** Rejects if the address cannot be listened on. Runs before anything that would need cleaning up. */
async function checkAddress(settings: Settings): Promise<void> {
  const server = createServer().listen(settings.PORT, settings.HOST);
  await once(server, 'listening').catch((cause) => {
    throw listenError(settings, cause);
  });
  await new Promise((closed) => server.close(closed));
}

async function listen(app: NestExpressApplication, settings: Settings): Promise<void> {
  await app.listen(settings.PORT, settings.HOST).catch((cause) => {
    throw listenError(settings, cause);
  });
}

function listenError({ PORT, HOST }: Settings, cause: NodeJS.ErrnoException): Error {
  const advice: Record<string, string> = {
    EADDRINUSE: 'another program listens there; set PORT to a free one, or to 0 for any',
    EACCES: 'this user may not listen there; set PORT to one above 1023',
    EADDRNOTAVAIL: 'this machine has no such address; set HOST to one that it has',
  };
  return new Error(`It cannot listen on ${HOST} port ${PORT}: ${advice[cause.code ?? ''] ?? cause.message}.`, { cause });
}
