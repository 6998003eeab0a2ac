import { type DynamicModule, Module } from '@nestjs/common';
import type { Settings } from '../settings/settings-schema.js';
import { InputTopic } from './input-topic.js';
import { IntakeController } from './intake.controller.js';
import { PositionStore } from './position-rows.js';
import { triggerOf } from './trigger.js';

/** The consumers of this process, one per trigger. */
export class InputTopics {
  constructor(readonly all: readonly InputTopic[]) {}

  /** Why records of some trigger are not handled now; undefined if all are. */
  trouble(): string | undefined {
    const troubles = this.all.flatMap((topic) => {
      const reason = topic.trouble();
      return reason === undefined ? [] : [`trigger ${topic.trigger.name}: ${reason}`];
    });
    return troubles.length > 0 ? troubles.join(' ') : undefined;
  }
}

/** Jobs that Kafka records start. */
@Module({})
export class IntakeModule {
  static beside(bulk: DynamicModule, settings: Settings): DynamicModule {
    const trigger = settings.ROLE === 'api' ? undefined : triggerOf(settings);
    const inputTopics = (positions: PositionStore) => new InputTopics(trigger ? [new InputTopic(trigger, positions)] : []);
    return {
      module: IntakeModule,
      imports: [bulk],
      controllers: [IntakeController],
      providers: [PositionStore, { provide: InputTopics, useFactory: inputTopics, inject: [PositionStore] }],
      exports: [InputTopics],
    };
  }
}
