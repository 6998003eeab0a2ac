import { TestEnvironment } from 'jest-environment-node';

/** Jest's environment for Node that skips the tests of a file after the first one that failed. */
export default class StopAtFailure extends TestEnvironment {
  hasFailed = false;

  handleTestEvent({ name, test }) {
    if (name === 'test_start' && this.hasFailed) test.mode = 'skip';
    if (name === 'test_fn_failure' || (name === 'hook_failure' && test)) this.hasFailed = true;
  }
}
