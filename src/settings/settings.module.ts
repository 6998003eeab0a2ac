import { type DynamicModule, type FactoryProvider, Global, Inject, type LoggerService, Module, type Type } from '@nestjs/common';
import { logger } from './logger.js';
import type { Settings } from './settings-schema.js';

const SETTINGS = Symbol('SETTINGS');

/** Injects the Settings: `constructor(@InjectSettings() settings: Settings)`. */
export const InjectSettings = () => Inject(SETTINGS);

/** Provides a class whose constructor takes the settings, without Nest decorators. */
export function fromSettings<T>(provided: Type<T>): FactoryProvider<T> {
  return { provide: provided, useFactory: (settings: Settings) => new provided(settings), inject: [SETTINGS] };
}

/** Provides the settings to all modules. */
@Global()
@Module({})
export class SettingsModule {
  static of(settings: Settings): DynamicModule {
    return { module: SettingsModule, providers: [{ provide: SETTINGS, useValue: settings }], exports: [SETTINGS] };
  }
}

/** Logs Nest's messages. Errors before `isStarted` are logged at DEBUG, because Nest throws them too. */
export class NestLogger implements LoggerService {
  isStarted = false;
  log = (message: unknown) => logger.debug({ folder: 'nest' }, String(message));
  debug = this.log;
  verbose = this.log;
  warn = (message: unknown) => logger.warn({ folder: 'nest' }, String(message));
  error = (message: unknown, stack?: unknown) => logger[this.isStarted ? 'error' : 'debug']({ folder: 'nest', stack }, String(message));
  fatal = this.error;
}
