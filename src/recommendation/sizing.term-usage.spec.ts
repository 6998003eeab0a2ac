import { formatOf, usageOfTerm } from './sizing.js';

it('knows the format if an interval from the first to before the end has a sample', () => {
  const sampled = Uint8Array.of(0, 1, 0);

  expect([formatOf(sampled, 'cores', 0), formatOf(sampled, 'cores', 1), formatOf(sampled, 'cores', 2)]).toEqual(['cores', 'cores', '']);
  expect([formatOf(sampled, 'cores', 0, 1), formatOf(sampled, 'cores', 0, 2)]).toEqual(['', 'cores']);
});

it('leaves intervals without a sample out of accelerator usage', () => {
  const none = new Float64Array(3);
  const lists = { times: none, cpuPeaks: none, cpuFloors: none, memoryPeaks: none, memoryFloors: none, memorySpikes: none, pods: none };
  const percent = { acceleratorCore: Float64Array.of(9, 0, 5), acceleratorMemory: Float64Array.of(0, 7, 0) };
  const usage = usageOfTerm({ count: 3, ...lists, ...percent, hasCpu: new Uint8Array(3), hasMemory: new Uint8Array(3) }, 1, []);

  expect(usage.acceleratorCore).toEqual(Float64Array.of(5));
  expect(usage.acceleratorMemory).toEqual(Float64Array.of(7));
});
