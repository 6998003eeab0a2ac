import { jest } from '@jest/globals';
import { logger } from '../settings/logger.js';
import { KafkaWatch } from './kafka-client.js';
import { PublicationError } from './publication-error.js';

describe('KafkaWatch', () => {
  it('reports trouble until the first success, and from a failure to the next success', () => {
    const watch = new KafkaWatch();
    expect(watch.trouble?.message).toBe('Not connected yet. Records are kept and sent once it is reachable.');
    watch.noteSuccess();
    expect(watch.trouble).toBeUndefined();
    watch.noteFailure(new PublicationError('timeout'));
    expect(watch.trouble?.failure).toBe('timeout');
    watch.noteSuccess();
    expect(watch.trouble).toBeUndefined();
  });
  it('warns once about transient failures, and again if somebody must act', () => {
    const warn = jest.spyOn(logger, 'warn').mockImplementation(() => {});
    const watch = new KafkaWatch();
    for (const failure of ['unreachable', 'timeout', 'refused-credentials', 'not-authorized'] as const) {
      watch.noteFailure(new PublicationError(failure));
    }
    const warnings = warn.mock.calls.map(([fields]) => fields);
    warn.mockRestore();
    expect(warnings).toMatchObject([{ failure: 'unreachable' }, { failure: 'refused-credentials' }]);
  });

  it('warns about a refused topic once per reason, and logs when it is available again', () => {
    const logged: string[] = [];
    const spies = (['warn', 'info'] as const).map((level) =>
      jest.spyOn(logger, level).mockImplementation((_: unknown, text?: string) => void logged.push(`${level} ${text}`)),
    );
    const watch = new KafkaWatch();
    const refuse = (operation: 'create' | 'write', reason: string) =>
      watch.noteRefusal(new PublicationError('not-authorized', reason, { about: { topic: 't', operation } }));
    refuse('write', 'a');
    refuse('write', 'a');
    refuse('write', 'b');
    watch.noteTopic('t', 'create');
    expect(watch.topicTroubles.map(({ message }) => message)).toEqual(['b']);
    watch.noteTopic('t', 'write');
    watch.noteTopic('t', 'write');
    for (const spy of spies) spy.mockRestore();
    expect(watch.topicTroubles).toEqual([]);
    expect(logged).toEqual([
      'warn topic refused; its records are kept',
      'warn topic refused; its records are kept',
      'info topic available again',
    ]);
  });
});
