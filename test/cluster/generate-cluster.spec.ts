import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cutGrid } from './cluster-blocks.js';
import { countSamples } from './count-samples.js';
import { generateCluster, wholeGrid, writeSamples } from './generate-cluster.js';
import { type ClusterOptions, planCluster } from './plan-cluster.js';

const options: ClusterOptions = { containers: 16, days: 1, scrapeSeconds: 600, endSeconds: 1_795_231_850, seed: 3 };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'generate-cluster-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Samples by series, in the order of the file. */
function readSeries(file: string): Map<string, { time: number; value: number }[]> {
  const series = new Map<string, { time: number; value: number }[]>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [, name, value, time] = /^(\S+\{.*\}) (\S+) (\d+)$/.exec(line) ?? [];
    if (!name) continue;
    if (!series.has(name)) series.set(name, []);
    series.get(name)!.push({ time: Number(time), value: Number(value) });
  }
  return series;
}

async function generate(name: string, of: ClusterOptions = options) {
  const file = join(folder, name);
  const containers = await generateCluster(of, file);
  return { file, containers, text: readFileSync(file, 'utf8') };
}

describe('generateCluster', () => {
  it('writes valid OpenMetrics lines and the end marker', async () => {
    const { text } = await generate('whole.om');
    const lines = text.split('\n');
    expect(
      lines
        .filter((line) => !/^(# TYPE \S+ (gauge|info|counter)|# EOF||[a-z_:]+\{(\w+="[^"]*",?)+\} \d+(\.\d+)? \d{10})$/.test(line))
        .slice(0, 3),
    ).toEqual([]);
    expect(text.endsWith('# EOF\n')).toBe(true);
  });

  it('writes equal bytes for equal options', async () => {
    const [one, other] = [await generate('one.om'), await generate('other.om')];
    expect(one.text === other.text).toBe(true);
    expect((await generate('seed.om', { ...options, seed: 4 })).text === one.text).toBe(false);
  });

  it('has an info series with the latest image for each returned container', async () => {
    const { file, containers } = await generate('info.om');
    const series = [...readSeries(file).keys()].filter((name) => name.startsWith('kube_pod_container_info'));
    for (const { namespace, container, image, pods } of containers) {
      const found = series.filter((name) =>
        [`namespace="${namespace}"`, `container="${container}"`, `image="${image}"`].every((label) => name.includes(label)),
      );
      expect(found.length).toBeGreaterThanOrEqual(pods);
    }
  });

  it('has a CPU counter that agrees with the CPU gauge', async () => {
    const series = readSeries((await generate('cpu.om')).file);
    const place = [...series.keys()].find((name) => name.startsWith('container_cpu_usage_seconds_total'))!.replace(/^[^{]*/, '');
    const counter = series.get(`container_cpu_usage_seconds_total${place}`)!;
    const gauge = series.get(`node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate${place}`)!;
    expect(counter).toHaveLength(gauge.length);
    for (let i = 1; i < counter.length; i++) {
      expect(counter[i]!.value - counter[i - 1]!.value).toBeCloseTo(gauge[i]!.value * 600, 3);
    }
  });

  it('never exceeds the memory limit', async () => {
    const series = readSeries((await generate('limit.om')).file);
    const limits = [...series].filter(
      ([name]) => name.startsWith('kube_pod_container_resource_limits') && name.includes('resource="memory"'),
    );
    expect(limits.length).toBeGreaterThan(5);
    for (const [name, [limit]] of limits) {
      const place = name.replace(/^[^{]*/, '').replace(/,resource=.*/, '}');
      const used = series.get(`container_memory_working_set_bytes${place}`)!.map(({ value }) => value);
      expect(Math.max(...used)).toBeLessThanOrEqual(limit!.value);
    }
  });

  it('writes the same samples at once and in slices', async () => {
    const whole = readSeries((await generate('uncut.om')).file);
    const joined = new Map<string, { time: number; value: number }[]>();
    for (const slice of cutGrid(wholeGrid(options), 3)) {
      const file = join(folder, 'slice.om');
      await writeSamples(planCluster(options), options.seed, slice, file);
      for (const [name, samples] of readSeries(file)) joined.set(name, [...(joined.get(name) ?? []), ...samples]);
    }
    expect(joined).toEqual(whole);
  });

  it('counts samples in advance', async () => {
    const written = [...readSeries((await generate('count.om')).file).values()];
    const samples = written.reduce((sum, { length }) => sum + length, 0);
    expect(Math.abs(countSamples(planCluster(options), wholeGrid(options)) - samples)).toBeLessThanOrEqual(written.length);
  });
});
