import { logOf } from '../settings/logger.js';
import { PublicationError } from './publication-error.js';

const log = logOf('publication');

/** Keeps whether Kafka takes records, and logs it once when that changes. */
export class KafkaWatch {
  private failedBy: PublicationError | undefined = new PublicationError('unreachable', 'Kafka is not connected yet.');
  private isTold = false;

  /** Why Kafka can't be used; undefined while the last attempt succeeded. */
  get trouble(): PublicationError | undefined {
    return this.failedBy;
  }

  noteFailure(error: PublicationError): void {
    const isNews = !this.isTold || this.failedBy?.isTransient !== error.isTransient;
    const fields = { failure: error.failure, reason: error.message, cause: messageOf(error.cause) };
    log[isNews ? 'warn' : 'debug'](fields, 'publication waits for Kafka');
    this.isTold = true;
    this.failedBy = error;
  }

  noteSuccess(): void {
    if (this.isTold) log.info('Kafka is back');
    this.isTold = false;
    this.failedBy = undefined;
  }
}

function messageOf(cause: unknown): string | undefined {
  return cause instanceof Error ? cause.message : undefined;
}
