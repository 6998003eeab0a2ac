import { Module } from '@nestjs/common';
import { UsageModule } from '../usage.module.js';
import { UsageReader } from '../usage-reader.js';
import { ORIGIN, StoredUsageReader } from './read-through.js';
import { WindowStore } from './window-store.js';
import { WriteBehind } from './write-behind.js';

/** The reader of UsageModule under another name, so that the one which stores can take its place. */
@Module({
  imports: [UsageModule],
  providers: [{ provide: ORIGIN, useExisting: UsageReader }],
  exports: [ORIGIN, UsageModule],
})
class OriginModule {}

/** UsageModule with a memory, where there is a DatabaseModule: inject UsageReader. */
@Module({
  imports: [OriginModule],
  providers: [WindowStore, WriteBehind, StoredUsageReader, { provide: UsageReader, useExisting: StoredUsageReader }],
  exports: [UsageReader, OriginModule],
})
export class StoredUsageModule {}
