import { jest } from '@jest/globals';

// Real servers take seconds to start, on a busy machine more; no test asserts how long anything takes.
jest.setTimeout(240_000);
