import { chooseMigProfile, isSupportedAccelerator } from './mig-profiles.js';
import { percentilesOf, type TermUsage } from './sizing.js';

const none = percentilesOf(new Float64Array(0));
const usageOf = (core: number[], memory: number[]): TermUsage => ({
  ...{ cpuPeaks: none, memoryPeaks: none, memorySpikes: none, podsCount: 1, cpuFormat: 'cores', memoryFormat: 'bytes' },
  acceleratorCore: Float64Array.from(core),
  acceleratorMemory: Float64Array.from(memory),
});

it.each([
  ['NVIDIA-A100-SXM4-40GB', 14, 12, '1g.5gb'],
  ['NVIDIA-A100-SXM4-40GB', 14, 13, '1g.10gb'],
  ['NVIDIA-A100-SXM4-40GB', 15, 12, '2g.10gb'],
  ['NVIDIA-A100-SXM4-40GB', 15, 26, '3g.20gb'],
  ['NVIDIA-A100-SXM4-40GB', 50, 26, '4g.20gb'],
  ['NVIDIA-A100-SXM4-40GB', 58, 26, '7g.40gb'],
  ['NVIDIA-A100-SXM4-40GB', 10, 51, '7g.40gb'],
  ['nvidia a100 80gb pcie', 100, 100, '7g.80gb'],
  ['NVIDIA H100 80GB HBM3', 250, 250, '7g.80gb'],
  ['NVIDIA H100 NVL 94GB', 40, 1, '3g.47gb'],
  ['NVIDIA GH200 H100 96GB', 40, 1, '3g.48gb'],
  ['NVIDIA H200', 1, 1, '1g.18gb'],
  ['NVIDIA A100', 1, 1, undefined],
  ['NVIDIA B200', 1, 1, undefined],
])('for %s at %d %% cores and %d %% memory chooses %s', (model, core, memory, profile) => {
  expect(chooseMigProfile(model, usageOf([core], [memory]), 98)).toBe(profile);
});

it('uses the percentile of the model', () => {
  const usage = usageOf([10, 10, 10, 10, 90], [1]);

  expect(chooseMigProfile('A100-40GB', usage, 60)).toBe('1g.5gb');
  expect(chooseMigProfile('A100-40GB', usage, 98)).toBe('7g.40gb');
});

it('uses cores alone if memory has no samples', () => {
  expect(chooseMigProfile('A100-40GB', usageOf([10], []), 98)).toBe('1g.5gb');
});

it('chooses nothing without a sample above 0', () => {
  expect(chooseMigProfile('A100-40GB', usageOf([], []), 98)).toBeUndefined();
});

it.each([
  ['Tesla T4', false],
  ['nvidia-a100', true],
  ['NVIDIA H200', true],
])('knows whether %s is supported: %s', (model, isSupported) => {
  expect(isSupportedAccelerator(model)).toBe(isSupported);
});
