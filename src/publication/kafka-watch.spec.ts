import { jest } from '@jest/globals';
import { logger } from '../settings/logger.js';
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
  it('warns once of trouble that passes, and again when somebody must act', () => {
    const warn = jest.spyOn(logger, 'warn').mockImplementation(() => {});
    const watch = new KafkaWatch();
    for (const failure of ['unreachable', 'timeout', 'refused-credentials', 'not-authorized'] as const) {
      watch.noteFailure(new PublicationError(failure));
    }
    const warnings = warn.mock.calls.map(([fields]) => fields);
    warn.mockRestore();
    expect(warnings).toMatchObject([{ failure: 'unreachable' }, { failure: 'refused-credentials' }]);
  });
});
