import { jest } from '@jest/globals';
import { logger } from '../settings/logger.js';
import { KafkaWatch } from './kafka-client.js';
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

  it('warns of a refused topic once for each reason, and says when it is back', () => {
    const told: string[] = [];
    const spies = (['warn', 'info'] as const).map((level) =>
      jest.spyOn(logger, level).mockImplementation((_: unknown, text?: string) => void told.push(`${level} ${text}`)),
    );
    const watch = new KafkaWatch();
    const refused = (operation: 'create' | 'write', reason: string) =>
      watch.noteRefusal(new PublicationError('not-authorized', reason, { about: { topic: 't', operation } }));
    refused('write', 'a');
    refused('write', 'a');
    refused('write', 'b');
    watch.noteTopic('t', 'create');
    expect(watch.topicTroubles.map(({ message }) => message)).toEqual(['b']);
    watch.noteTopic('t', 'write');
    watch.noteTopic('t', 'write');
    for (const spy of spies) spy.mockRestore();
    expect(watch.topicTroubles).toEqual([]);
    expect(told).toEqual(['warn records of a topic wait', 'warn records of a topic wait', 'info a topic is back']);
  });
});
