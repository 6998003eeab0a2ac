import type { ConnectionSettings } from '../publication/kafka-connection.js';
import type { Settings } from '../settings/settings-schema.js';

/** Where a consumer group without a position begins: at the oldest record, after the newest one, or at the first record of this time (Unix milliseconds). */
export type InitialOffset = 'earliest' | 'latest' | number;

/** Kafka topics whose records start jobs. */
export interface Trigger {
  readonly name: string;
  readonly connection: ConnectionSettings;
  readonly topics: readonly string[];
  /** Used exactly as given: the positions belong to it. */
  readonly groupId: string;
  readonly initialOffset: InitialOffset;
  /** Name of the topic for records of `topic` that can never lead to a job. */
  readonly deadLetterTopic: (topic: string) => string;
}

/** Name of the trigger that the KAFKA_INPUT_* settings describe. */
export const defaultTrigger = 'default';

/** The trigger of the settings; undefined if they name no input topic. */
export function triggerOf(settings: Settings): Trigger | undefined {
  const topic = settings.KAFKA_INPUT_TOPIC ?? settings.BULK_INPUT_TOPIC;
  if (topic === undefined) return undefined;
  return {
    name: defaultTrigger,
    connection: settings,
    topics: [topic],
    groupId: settings.KAFKA_INPUT_GROUP_ID ?? settings.KAFKA_CONSUMER_GROUP_ID ?? 'rightsizer',
    initialOffset: settings.KAFKA_INITIAL_OFFSET,
    deadLetterTopic: () => settings.KAFKA_DEAD_LETTER_TOPIC ?? `${topic}.dead-letter`,
  };
}
