import { type DynamicModule, type FactoryProvider, Global, Inject, Module, type Type } from '@nestjs/common';
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
