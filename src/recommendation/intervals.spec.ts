import { smallestPositive } from './intervals.js';

it.each([
  [[1, 2, 3], 1],
  [[3, 1, 2], 1],
  [[3, 2, 1], 1],
  [[0, 2, 3], 2],
  [[2, 0, 3], 2],
  [[3, 2, 0], 2],
  [[0, 0, 0], 0],
])('finds the smallest number above 0 in %j', ([one, two, three], expected) => {
  expect(smallestPositive(one!, two!, three!)).toBe(expected);
});
