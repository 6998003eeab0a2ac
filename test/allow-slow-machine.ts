import { jest } from '@jest/globals';

// For loaded machines. No test depends on how long anything takes.
jest.setTimeout(120_000);
