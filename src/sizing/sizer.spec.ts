import { DatasourceError } from '../datasource/datasource-error.js';
import { ConfigError } from '../profiles/config-folder.js';
import { MetadataProfileError } from '../profiles/metadata-profile.js';
import { ProfileFailure, packError, unpackError } from './sizer.js';

/** An error as the main thread receives it. */
const sent = (reason: unknown) => unpackError(structuredClone(packError(reason)));

describe('an error from a thread', () => {
  it.each(['timeout', 'refused-query'] as const)('keeps the failure of the datasource: %s', (failure) => {
    const error = sent(new DatasourceError(failure, 'no response from http://prometheus:9090'));
    expect(error).toBeInstanceOf(DatasourceError);
    expect(error).toMatchObject({ failure, message: 'no response from http://prometheus:9090' });
  });

  it.each([new MetadataProfileError('own', ['no query for containers']), new ConfigError('metric profiles', ['an unknown layer'])])(
    'keeps the reason why a profile is faulty: $name',
    (reason) => {
      expect(sent(reason)).toBeInstanceOf(ProfileFailure);
      expect(sent(reason).message).toBe(reason.message);
    },
  );

  it('keeps the stack of a bug', () => {
    const bug = new TypeError('x is undefined');
    const error = sent(bug);
    expect(error).toMatchObject({ message: 'x is undefined', stack: bug.stack });
    expect(error).not.toBeInstanceOf(DatasourceError);
    expect(error).not.toBeInstanceOf(ProfileFailure);
  });

  it('has a message if the thrown value is not an error', () => {
    expect(sent('a text').message).toBe('a text');
  });
});
