import { type DynamicModule, type FactoryProvider, Global, Inject, Module, type Type } from '@nestjs/common';
import type { Settings } from './settings-schema.js';

const SETTINGS = Symbol('SETTINGS');

/** Injects the Settings: `constructor(@InjectSettings() settings: Settings)`. */
export const InjectSettings = () => Inject(SETTINGS);

/** Provides a class that takes the settings and knows nothing of Nest. */
export function fromSettings<T>(made: Type<T>): FactoryProvider<T> {
  return { provide: made, useFactory: (settings: Settings) => new made(settings), inject: [SETTINGS] };
}

/** Gives the settings that the process was started with to every module. */
@Global()
@Module({})
export class SettingsModule {
  static of(settings: Settings): DynamicModule {
    return { module: SettingsModule, providers: [{ provide: SETTINGS, useValue: settings }], exports: [SETTINGS] };
  }
}
