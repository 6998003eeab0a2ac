import { logOf } from '../settings/logger.js';
import { PublicationError } from './publication-error.js';

const log = logOf('publication');

/** A topic that was refused is not asked again for so long: each asking may cost the rendering of a shard. */
const topicPauseMs = 10_000;

/** Keeps whether Kafka takes records, as a whole and topic by topic, and logs it once when that changes. */
export class KafkaWatch {
  private failedBy: PublicationError | undefined = new PublicationError('unreachable', 'Kafka is not connected yet.');
  private isTold = false;
  private readonly refusedTopics = new Map<string, { error: PublicationError; atMs: number }>();

  /** Why Kafka can't be used; undefined while the last attempt succeeded. */
  get trouble(): PublicationError | undefined {
    return this.failedBy;
  }

  /** Why topics can't be used while others can. */
  get topicTroubles(): PublicationError[] {
    return [...this.refusedTopics.values()].map(({ error }) => error);
  }

  /** Why a topic was refused a moment ago; undefined when it is time to ask again. */
  refusalOf(topic: string): PublicationError | undefined {
    const refused = this.refusedTopics.get(topic);
    return refused && performance.now() - refused.atMs < topicPauseMs ? refused.error : undefined;
  }

  noteFailure(error: PublicationError): void {
    const isNews = !this.isTold || this.failedBy?.isTransient !== error.isTransient;
    log[isNews ? 'warn' : 'debug'](fieldsOf(error), 'publication waits for Kafka');
    this.isTold = true;
    this.failedBy = error;
  }

  noteSuccess(): void {
    if (this.isTold) log.info('Kafka is back');
    this.isTold = false;
    this.failedBy = undefined;
  }

  /** `error.about` names the topic. */
  noteRefusal(error: PublicationError): void {
    const topic = error.about!.topic;
    const isNews = this.refusedTopics.get(topic)?.error.message !== error.message;
    log[isNews ? 'warn' : 'debug']({ topic, operation: error.about!.operation, ...fieldsOf(error) }, 'records of a topic wait');
    this.refusedTopics.set(topic, { error, atMs: performance.now() });
  }

  /** The topic exists (`create`), or has taken records (`write`). */
  noteTopic(topic: string, operation: 'create' | 'write'): void {
    const refused = this.refusedTopics.get(topic);
    if (!refused || (operation === 'create' && refused.error.about?.operation === 'write')) return;
    this.refusedTopics.delete(topic);
    log.info({ topic }, 'a topic is back');
  }
}

function fieldsOf({ failure, message, cause }: PublicationError): object {
  return { failure, reason: message, cause: cause instanceof Error ? cause.message : undefined };
}
