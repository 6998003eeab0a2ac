import { type DynamicModule, Module } from '@nestjs/common';
import { BulkModule } from './bulk/bulk.module.js';
import { DatabaseModule } from './database/database.module.js';
import { InputTopics, IntakeModule } from './intake/intake.module.js';
import { RestModule } from './rest/rest.module.js';
import { NestLogger, SettingsModule } from './settings/settings.module.js';
import type { Settings } from './settings/settings-schema.js';
import 'reflect-metadata';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { CustomStrategy } from '@nestjs/microservices';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { RequestHandler } from 'express';
import { untilAborted } from './calls/abort.js';
import { checkStart } from './check-start.js';
import { startEmbeddedPostgres } from './database/embedded-postgres.js';
import { ErrorEnvelopeFilter, respondInTime } from './rest/errors.js';
import { refuseForeignPages } from './rest/foreign-pages.js';
import { HealthController, openWarning, reachesOthers } from './rest/health.controller.js';
import { logger, logOf } from './settings/logger.js';
import { SettingsError } from './settings/read-settings.js';
import { version } from './version.js';

/** Root module of one process. */
@Module({})
export class AppModule {
  static of(settings: Settings, databaseUrl: string): DynamicModule {
    const bulk = BulkModule.at(settings, databaseUrl);
    const intake = IntakeModule.beside(bulk, settings);
    return {
      module: AppModule,
      imports: [
        SettingsModule.of(settings),
        DatabaseModule.at(databaseUrl, settings.DATABASE_POOL_SIZE),
        bulk,
        intake,
        RestModule.beside(bulk, intake, settings),
      ],
    };
  }
}

export { describeSettings } from './settings/read-settings.js';

const log = logOf('main');

/** Time for closing, in addition to SHUTDOWN_TIMEOUT_MS. After it the process exits anyway. */
const closingMs = 10_000;

/** Runs the service until the signal aborts, and stops everything that it started. Returns the exit code of the process: 1 after an error. Never rejects. */
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

/** Runs `use` with the database of the settings or, if there is none, with an embedded one, which is stopped afterwards. */
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
    // Answers the preflight requests of browsers; only the origins in CORS_ORIGINS are allowed.
    if (settings.CORS_ORIGINS) app.enableCors({ origin: settings.CORS_ORIGINS, exposedHeaders: ['Link'] });
    // The content type is ignored, as in Kruize. The handler parses the body and reports errors.
    app.useBodyParser('text', { type: () => true, limit: '2mb' });
    app.useGlobalFilters(new ErrorEnvelopeFilter());
    app.disable('x-powered-by');
    for (const strategy of app.get(InputTopics).all) app.connectMicroservice<CustomStrategy>({ strategy });
    await app.startAllMicroservices();
    const listening = app.listen(settings.PORT, settings.HOST).catch((cause) => failToListen(settings, cause));
    await untilAborted(listening, signal);
    nestLogger.isStarted = true;
    if (reachesOthers(settings)) log.warn({ host: settings.HOST }, openWarning);
    log.info({ port: new URL(await app.getUrl()).port, role: settings.ROLE, version }, 'listening');
    await untilAborted(new Promise<never>(() => undefined), signal);
  } finally {
    if (signal.aborted) log.info({ signal: signal.reason }, 'stopping');
    app.get(HealthController, { strict: false }).drain();
    const closed = app.close().catch((error) => log.error({ error: String(error) }, 'the service did not stop cleanly'));
    const late = sleep(settings.SHUTDOWN_TIMEOUT_MS + closingMs, 'late', { ref: false });
    if ((await Promise.race([closed, late])) === 'late') log.error('the service did not stop in time; exiting now');
  }
}

/** Express middleware: removes the prefix from URLs. URLs without it are served too, for example probes that go directly to the pod. */
function withoutPrefix(prefix: string): RequestHandler {
  return (request, _, next) => {
    // A request to a proxy has the absolute URL (RFC 9112 section 3.2.2).
    request.url = request.url.replace(/^https?:\/\/[^/?]*/i, '') || '/';
    const rest = request.url.slice(prefix.length);
    if (prefix && request.url.startsWith(prefix) && /^([/?]|$)/.test(rest)) request.url = rest.startsWith('/') ? rest : `/${rest}`;
    next();
  };
}

/** Rejects if the service cannot listen on its address. Runs before anything that would need cleanup. */
async function checkAddress(settings: Settings): Promise<void> {
  const server = createServer().listen(settings.PORT, settings.HOST);
  await once(server, 'listening').catch((cause) => failToListen(settings, cause));
  await new Promise((closed) => server.close(closed));
}

function failToListen({ PORT, HOST }: Settings, cause: NodeJS.ErrnoException): never {
  const advice: Record<string, string> = {
    EADDRINUSE: 'another program listens there; set PORT to a free port, or to 0 for any',
    EACCES: 'this user may not listen there; set PORT to a port above 1023',
    EADDRNOTAVAIL: 'this machine has no such address; set HOST to one of its addresses',
  };
  throw new Error(`It cannot listen on ${HOST} port ${PORT}: ${advice[cause.code ?? ''] ?? cause.message}.`, { cause });
}
