import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { ErrorEnvelopeFilter } from './bulk/error-envelope.filter.js';
import { startEmbeddedPostgres } from './database/embedded-postgres.js';
import { describeSettings } from './settings/describe-settings.js';
import { logger, logOf, NestLogger } from './settings/logger.js';
import { readSettings, SettingsError } from './settings/read-settings.js';

const log = logOf('main');

/** Starts the service and answers when it takes requests. */
async function start(): Promise<void> {
  const settings = readSettings(process.env);
  logger.level = settings.LOG_LEVEL;
  const embedded = settings.DATABASE_URL === undefined ? await startEmbeddedPostgres(settings.DATA_DIR) : undefined;
  const databaseUrl = settings.DATABASE_URL ?? embedded?.url ?? '';
  const app = await NestFactory.create<NestExpressApplication>(AppModule.of(settings, databaseUrl), {
    logger: new NestLogger(),
    abortOnError: false,
    bodyParser: false,
    forceCloseConnections: true,
  }).catch(async (error) => {
    await embedded?.stop();
    throw error;
  });
  // As in the reference, the content type is not looked at; whoever takes a body parses it and says what is wrong with it.
  app.useBodyParser('text', { type: () => true, limit: '10mb' });
  app.useGlobalFilters(new ErrorEnvelopeFilter());
  app.disable('x-powered-by');

  const stop = async (signal: string) => {
    log.info({ signal }, 'stopping');
    await app.close().catch((error) => log.error({ error: String(error) }, 'the service does not stop cleanly'));
    await embedded?.stop();
    process.exit(0);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  await app.listen(settings.PORT, settings.HOST);
  log.info({ port: new URL(await app.getUrl()).port, role: settings.ROLE }, 'listening');
}

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  process.stdout.write(describeSettings());
} else {
  start().catch((error) => {
    const text = error instanceof SettingsError || process.env.LOG_LEVEL !== 'debug' ? error.message : error.stack;
    process.stderr.write(`rightsizer does not start. ${text}\n`);
    process.exit(1);
  });
}
