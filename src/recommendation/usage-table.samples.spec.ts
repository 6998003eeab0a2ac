import { isSample, sampleOrZero } from './usage-table.js';

it.each([0, -1, 1e100, -1e100])('accepts %d as a sample', (value) => {
  expect(isSample(value)).toBe(true);
  expect(sampleOrZero(value)).toBe(value);
});

it.each([Number.NaN, Infinity, -Infinity, 1.0000001e100, -1e101])('does not accept %d as a sample', (value) => {
  expect(isSample(value)).toBe(false);
  expect(sampleOrZero(value)).toBe(0);
});
