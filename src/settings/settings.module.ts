import { type DynamicModule, Global, Inject, Module } from '@nestjs/common';
import type { Settings } from './settings-schema.js';

const SETTINGS = Symbol('SETTINGS');

/** Injects the Settings: `constructor(@InjectSettings() settings: Settings)`. */
export const InjectSettings = () => Inject(SETTINGS);

/** Gives the settings that the process was started with to every module. */
@Global()
@Module({})
export class SettingsModule {
  static of(settings: Settings): DynamicModule {
    return { module: SettingsModule, providers: [{ provide: SETTINGS, useValue: settings }], exports: [SETTINGS] };
  }
}
