import { TestEnvironment } from 'jest-environment-node';

// A worker whose Jest was killed ends too, and with it what it has started. A listener would keep the worker from ending by itself.
if (process.connected) setInterval(() => process.connected || process.exit(1), 500).unref();

const stopsAtFailure = process.env.STOP_AT_FAILURE !== undefined;

/** Node, where each file of tests ends what it has started, also when its set-up failed. With STOP_AT_FAILURE it skips the tests after the first failed one. */
export default class Environment extends TestEnvironment {
  hasFailed = false;

  handleTestEvent({ name, test }) {
    if (name === 'test_start' && this.hasFailed) test.mode = 'skip';
    if (stopsAtFailure && (name === 'test_fn_failure' || (name === 'hook_failure' && test))) this.hasFailed = true;
  }

  async teardown() {
    await this.global.clearUpNow?.();
    await super.teardown();
  }
}
