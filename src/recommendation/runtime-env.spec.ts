import { runtimeEnv } from './runtime-env.js';
import { type Layer, recommendationTypes } from './settings.js';

const mebibyte = 1024 * 1024;
const { runtimes } = recommendationTypes;
const envOf = (layers: Layer[], cpuCores?: number, mebibytes?: number, version?: string) =>
  runtimeEnv(layers, runtimes, {
    cpuCores,
    memoryBytes: mebibytes === undefined ? undefined : mebibytes * mebibyte,
    jvm: version === undefined ? undefined : { runtime: 'OpenJDK', vendor: 'x', version },
  });
const optionsOf = (...args: Parameters<typeof envOf>) => envOf(...args).find(({ name }) => name === 'JAVA_OPTIONS')?.value;

it.each([
  [0.5, 512, '17', '-XX:MaxRAMPercentage=50.0 -XX:+UseSerialGC '],
  [1, 513, '17', '-XX:MaxRAMPercentage=80.0 -XX:+UseSerialGC '],
  [2, 5120, '17', '-XX:MaxRAMPercentage=80.0 -XX:+UseParallelGC '],
  [2, 5121, '17', '-XX:MaxRAMPercentage=80.0 -XX:+UseZGC '],
  [2.1, 5120, '17.0.2', '-XX:MaxRAMPercentage=80.0 -XX:+UseZGC '],
  [4, 8192, '11.0.2', '-XX:MaxRAMPercentage=80.0 -XX:+UseShenandoahGC '],
  [4, 8192, '1.8.0_292', '-XX:MaxRAMPercentage=80.0 -XX:+UseG1GC '],
  [4, 8192, '', '-XX:MaxRAMPercentage=80.0 -XX:+UseG1GC '],
  [4, 8192, undefined, '-XX:MaxRAMPercentage=80.0 -XX:+UseG1GC '],
  [4, 1024, '21', '-XX:MaxRAMPercentage=80.0 -XX:+UseG1GC '],
])('sizes a hotspot JVM with %d cores, %d MiB and Java %j: %j', (cores, memory, version, options) => {
  expect(envOf(['container', 'hotspot'], cores, memory, version)).toEqual([
    { name: 'JDK_JAVA_OPTIONS', value: options },
    { name: 'JAVA_OPTIONS', value: options },
  ]);
});

it.each([
  [1.4, 8192, '-XX:MaxRAMPercentage=80.0 -Xgcpolicy:gencon '],
  [1.5, 8192, '-XX:MaxRAMPercentage=80.0 -Xgcpolicy:balanced '],
  [4, 5000, '-XX:MaxRAMPercentage=80.0 -Xgcpolicy:gencon '],
])('sizes a semeru JVM with %d cores and %d MiB: %j', (cores, memory, options) => {
  expect(optionsOf(['container', 'semeru'], cores, memory)).toBe(options);
});

it('writes the options of both JVMs if both were detected', () => {
  expect(optionsOf(['container', 'hotspot', 'semeru'], 0.5, 256)).toBe(
    '-XX:MaxRAMPercentage=50.0 -XX:MaxRAMPercentage=50.0 -Xgcpolicy:gencon -XX:+UseSerialGC ',
  );
});

it.each([
  [0.2, '1'],
  [2.1, '3'],
  [250, '100'],
])('gives quarkus with %d cores %s threads', (cores, threads) => {
  expect(envOf(['quarkus'], cores)).toEqual([{ name: 'QUARKUS_THREAD_POOL_CORE_THREADS', value: threads }]);
});

it.each<[string, Parameters<typeof envOf>]>([
  ['only the container layer was detected', [['container'], 1, 512]],
  ['there is no CPU recommendation', [['container', 'hotspot'], undefined, 512]],
  ['there is no memory recommendation', [['container', 'hotspot', 'quarkus'], 1, undefined]],
  ['the Java version is not a number', [['container', 'hotspot', 'quarkus'], 1, 512, '21+35']],
  ['semeru was detected without the container layer', [['semeru'], 1, 512]],
  ['quarkus has no CPU recommendation', [['container', 'quarkus'], undefined, 512]],
])('returns no variables if %s', (_, args) => {
  expect(envOf(...args)).toEqual([]);
});

it('does not need the container layer for hotspot', () => {
  expect(optionsOf(['hotspot'], 0.5, 256)).toBe('-XX:MaxRAMPercentage=50.0 -XX:+UseSerialGC ');
});

it('leaves out a runtime that was not requested', () => {
  const input = { cpuCores: 2, memoryBytes: 512 * mebibyte, jvm: undefined };

  expect(runtimeEnv(['container', 'hotspot', 'quarkus'], ['quarkus'], input)).toEqual([
    { name: 'QUARKUS_THREAD_POOL_CORE_THREADS', value: '2' },
  ]);
});
