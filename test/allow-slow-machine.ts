import { jest } from '@jest/globals';

// A loaded machine may take its time; no test depends on how long anything takes.
jest.setTimeout(120_000);
