import type { PrometheusSeries } from '../../datasource/prometheus-client.js';
import { stitchSlices } from './stitch-slices.js';

const series = (labels: Record<string, string>, ...seconds: number[]): PrometheusSeries => ({
  labels,
  samples: seconds.map((at) => [at, String(at)] as const),
});

describe('stitchSlices', () => {
  it('leaves a single slice as it is', () => {
    const only = [series({ b: '1' }, 1), series({ a: '1' }, 2)];
    expect(stitchSlices([only])).toBe(only);
  });

  it('joins the samples of one label set, whatever the order of its labels', () => {
    expect(stitchSlices([[series({ a: '1', b: '2' }, 1, 2)], [series({ b: '2', a: '1' }, 3)]])).toEqual([
      series({ a: '1', b: '2' }, 1, 2, 3),
    ]);
  });

  it('orders series by their labels, as one answer would, also when the first begins in a later slice', () => {
    const stitched = stitchSlices([[series({ pod: 'b' }, 1)], [series({ pod: 'a' }, 2), series({ pod: 'b' }, 2)]]);
    expect(stitched.map(({ labels }) => labels.pod)).toEqual(['a', 'b']);
  });
});
