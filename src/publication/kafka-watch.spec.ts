import { KafkaWatch } from './kafka-watch.js';
import { PublicationError } from './publication-error.js';

describe('KafkaWatch', () => {
  it('has trouble until Kafka was reached, and again from a failure to the next success', () => {
    const watch = new KafkaWatch();
    expect(watch.trouble?.message).toBe('Kafka is not connected yet.');
    watch.noteSuccess();
    expect(watch.trouble).toBeUndefined();
    watch.noteFailure(new PublicationError('timeout'));
    expect(watch.trouble?.failure).toBe('timeout');
    watch.noteSuccess();
    expect(watch.trouble).toBeUndefined();
  });
});
