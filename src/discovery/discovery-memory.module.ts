import { Global, Module } from '@nestjs/common';
import { DiscoveryAnswerStore } from './kept-days.js';

/** Lets DiscoveryModule keep answers, where there is a DatabaseModule. */
@Global()
@Module({ providers: [DiscoveryAnswerStore], exports: [DiscoveryAnswerStore] })
export class DiscoveryMemoryModule {}
