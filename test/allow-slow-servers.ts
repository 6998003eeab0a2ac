import { jest } from '@jest/globals';

// Real servers take seconds to start, or longer on a loaded machine. No test depends on how long anything takes.
jest.setTimeout(240_000);
