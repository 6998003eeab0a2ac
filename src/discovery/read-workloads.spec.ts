import type { PrometheusSeries } from '../datasource/datasource-client.js';
import {
  chooseImage,
  type DiscoverySeries,
  type ImageSighting,
  joinParts,
  readWorkloads,
  refineSightings,
  toCluster,
} from './read-workloads.js';

const seen = (image: string, firstSeconds: number, lastSeconds: number): ImageSighting => ({ image, firstSeconds, lastSeconds });

describe('chooseImage', () => {
  it.each<[string, ImageSighting[], string]>([
    ['the only one', [seen('a', 1, 2)], 'a'],
    ['the one in the latest window', [seen('new', 1, 5), seen('old', 3, 4)], 'new'],
    ['the one that came back', [seen('old', 1, 9), seen('new', 4, 6)], 'old'],
    ['the newer of two in the latest window', [seen('old', 1, 9), seen('new', 5, 9)], 'new'],
    ['the first by name if all else is equal', [seen('b', 1, 9), seen('a', 1, 9)], 'a'],
  ])('takes %s', (_, sightings, expected) => {
    expect(chooseImage(sightings)).toBe(expected);
    expect(chooseImage([...sightings].reverse())).toBe(expected);
  });
});

describe('refineSightings', () => {
  const coarse = [seen('old', 100, 300), seen('new', 300, 300), seen('gone', 100, 200)];

  it('shows which of the latest images came last', () => {
    const refined = refineSightings(coarse, [seen('old', 210, 250), seen('new', 250, 300), seen('gone', 210, 300)]);
    expect(refined).toEqual([seen('old', 100, 250), seen('new', 250, 300)]);
  });

  it('keeps the time when an image first appeared, so that a finer window does not make the old image new', () => {
    const refined = refineSightings(coarse, [seen('old', 290, 300), seen('new', 210, 300)]);
    expect(chooseImage(refined ?? [])).toBe('new');
  });

  it('returns undefined if the finer windows saw nothing', () => expect(refineSightings(coarse, [])).toBeUndefined());
});

describe('joinParts', () => {
  it('joins series with equal labels, samples in the order of the parts', () => {
    const joined = joinParts([
      [[{ labels: { a: '1', b: '2' }, samples: [[1, 'x']] }], []],
      [
        [
          { labels: { b: '2', a: '1' }, samples: [[2, 'y']] },
          { labels: { a: '3' }, samples: [[2, 'z']] },
        ],
        [{ labels: {}, samples: [[3, 'w']] }],
      ],
    ]);
    expect(joined).toEqual([
      [
        {
          labels: { a: '1', b: '2' },
          samples: [
            [1, 'x'],
            [2, 'y'],
          ],
        },
        { labels: { a: '3' }, samples: [[2, 'z']] },
      ],
      [{ labels: {}, samples: [[3, 'w']] }],
    ]);
  });

  it('returns a single part unchanged', () => {
    const results = [[{ labels: {}, samples: [] }]];
    expect(joinParts([results])).toBe(results);
  });
});

type Samples = PrometheusSeries['samples'];
const series = (labels: Record<string, string>, samples: Samples = [[900, '1']]): PrometheusSeries => ({ labels, samples });
const namespace = (name: string) => series({ namespace: name });
const workload = (namespace: string, name: string, workload_type = 'deployment') => series({ namespace, workload: name, workload_type });
const container = (namespace: string, name: string, container: string, image = 'i', workload_type = 'deployment', samples?: Samples) =>
  series({ namespace, workload: name, workload_type, container, image }, samples);

const read = (results: Partial<DiscoverySeries>, filter = {}) =>
  readWorkloads({ namespace: [], workload: [], container: [], excluded: [], ...results }, filter);

describe('readWorkloads', () => {
  it('joins by namespace, kind and name', async () => {
    const found = toCluster(
      await read({
        namespace: [namespace('b'), namespace('a')],
        workload: [workload('b', 'web'), workload('a', 'web'), workload('a', 'web', 'statefulset')],
        container: [
          container('a', 'web', 'app', 'i1'),
          container('b', 'web', 'app', 'i2'),
          container('a', 'web', 'db', 'i3', 'statefulset'),
        ],
      }),
    );
    const web = (namespace: string, workloadType = 'deployment') => ({ namespace, workload: 'web', workloadType });
    expect(found).toEqual({
      namespaces: ['a', 'b'],
      workloads: [web('a'), web('a', 'statefulset'), web('b')],
      containers: [
        { ...web('a'), container: 'app', image: 'i1', pods: 1 },
        { ...web('a', 'statefulset'), container: 'db', image: 'i3', pods: 1 },
        { ...web('b'), container: 'app', image: 'i2', pods: 1 },
      ],
    });
  });

  it('drops workloads without a namespace and containers without a workload', async () => {
    const found = await read({ namespace: [namespace('a')], workload: [workload('x', 'w')], container: [container('a', 'w', 'c')] });
    expect(found).toMatchObject({ namespaces: ['a'], workloads: [], containers: [], malformedSeries: 0 });
  });

  it('skips and counts malformed series, and keeps the others', async () => {
    const found = await read({
      namespace: [series({}), namespace('a')],
      workload: [series({ namespace: 'a', workload: 'w' }), workload('a', 'w')],
      container: [series({ namespace: 'a', workload: 'w', workload_type: 'deployment', container: 'c' }), container('a', 'w', 'd')],
    });
    expect(found).toMatchObject({
      namespaces: ['a'],
      workloads: [{ workload: 'w' }],
      containers: [{ container: 'd' }],
      malformedSeries: 3,
    });
  });

  it('returns one container for several images, with the latest image', async () => {
    const found = await read({
      namespace: [namespace('a')],
      workload: [workload('a', 'w')],
      container: [container('a', 'w', 'c', 'new', 'deployment', [[20, '2']]), container('a', 'w', 'c', 'old', 'deployment', [[10, '3']])],
    });
    expect(toCluster(found).containers).toEqual([
      { namespace: 'a', workload: 'w', workloadType: 'deployment', container: 'c', image: 'new', pods: 3 },
    ]);
  });

  it.each<[string, Samples[], number]>([
    [
      'the largest window',
      [
        [
          [1, '2'],
          [2, '5'],
        ],
      ],
      5,
    ],
    ['the sum over images', [[[1, '2']], [[1, '3']]], 5],
    ['at least one', [[[1, '0']]], 1],
    ['rounded up', [[[1, '2.2']]], 3],
    ['without rounding noise', [[[1, '3.0000000000000004']]], 3],
    [
      'without NaN',
      [
        [
          [1, 'NaN'],
          [2, '2'],
        ],
      ],
      2,
    ],
  ])('counts pods: %s', async (_, samples, pods) => {
    const containers = samples.map((given, index) => container('a', 'w', 'c', `i${index}`, 'deployment', given));
    const {
      containers: [found],
    } = await read({ namespace: [namespace('a')], workload: [workload('a', 'w')], container: containers });
    expect(found?.pods).toBe(pods);
  });

  it('applies the filter if the queries did not', async () => {
    const filter = { include: { namespace: ['a|b'], workload: ['w.'] }, exclude: { namespace: ['b'], containers: ['istio.*'] } };
    const found = await read(
      {
        namespace: ['a', 'b', 'c'].map(namespace),
        workload: ['w1', 'x1'].flatMap((name) => ['a', 'b', 'c'].map((of) => workload(of, name))),
        container: ['app', 'istio-proxy'].map((name) => container('a', 'w1', name)),
      },
      filter,
    );
    expect([found.namespaces, found.workloads.map(({ workload }) => workload), found.containers.map(({ container }) => container)]).toEqual(
      [['a'], ['w1'], ['app']],
    );
  });

  it('leaves out an excluded workload, but not others of the same name', async () => {
    const found = await read({
      namespace: [namespace('a')],
      workload: [workload('a', 'w'), workload('a', 'w', 'job')],
      container: [container('a', 'w', 'c'), container('a', 'w', 'c', 'i', 'job')],
      excluded: [container('a', 'w', 'other')],
    });
    expect(found.workloads).toEqual([{ namespace: 'a', workload: 'w', workloadType: 'job' }]);
    expect(found.containers).toHaveLength(1);
  });

  it('keeps names of 253 characters, unicode, quotes and backslashes unchanged', async () => {
    const odd = ['n'.repeat(253), 'ü😀', 'a"b\\c', '","', '__proto__'];
    const found = await read({
      namespace: odd.map(namespace),
      workload: odd.map((name) => workload(name, name)),
      container: odd.map((name) => container(name, name, name)),
    });
    expect(found.containers.map(({ container }) => container)).toEqual([...odd].sort());
    expect(new Set(found.namespaces)).toEqual(new Set(odd));
  });
});
