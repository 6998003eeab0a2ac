import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Layers } from './layer.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rightsizer-layers-'));
  mkdirSync(join(folder, 'layers'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (file: string, document: unknown) => writeFileSync(join(folder, 'layers', file), JSON.stringify(document));
const layer = (name: string, more: object = {}) => ({
  ...{
    apiVersion: 'recommender.com/v1',
    kind: 'KruizeLayer',
    metadata: { name },
    layer_name: name,
    layer_presence: { presence: 'always' },
  },
  tunables: [{ name: 'GCPolicy', value_type: 'categorical', choices: ['A'] }],
  ...more,
});
const faultOf = (names: string[]) => {
  try {
    new Layers({ CONFIG_DIR: folder, LAYERS: names });
  } catch (error) {
    return (error as Error).message;
  }
  return 'no fault';
};

it("ships Kruize's four layers with their presence queries", () => {
  const { registered } = new Layers({ CONFIG_DIR: undefined, LAYERS: ['container', 'hotspot', 'semeru', 'quarkus'] });

  expect(registered.map(({ name, presence }) => [name, presence === 'always' ? presence : presence.length])).toEqual([
    ['container', 'always'],
    ['hotspot', 6],
    ['semeru', 5],
    ['quarkus', 1],
  ]);
});

it('registers only the named layers, and reads no file without any', () => {
  writeFileSync(join(folder, 'layers', 'broken.json'), '{');

  expect(new Layers({ CONFIG_DIR: folder, LAYERS: [] }).registered).toEqual([]);
});

it('also reads YAML', () => {
  const yaml =
    'apiVersion: v1\nkind: KruizeLayer\nmetadata: {name: h}\nlayer_name: hotspot\nlayer_presence:\n  queries:\n    - {datasource: prometheus, query: up}\ntunables:\n  - {name: a, value_type: double, lower_bound: "1", upper_bound: "2", step: 1}\n';
  writeFileSync(join(folder, 'layers', 'h.yaml'), yaml);

  expect(new Layers({ CONFIG_DIR: folder, LAYERS: ['hotspot'] }).registered).toEqual([{ name: 'hotspot', presence: ['up'] }]);
});

it.each([
  ['a name without a file', layer('hotspot'), ['jvm'], 'LAYERS: jvm: no file of CONFIG_DIR/layers has this layer_name; there are hotspot'],
  ['a layer without values', layer('ruby'), ['ruby'], 'LAYERS: ruby: the engine does not know this layer'],
  ['an unknown presence', layer('hotspot', { layer_presence: { presence: 'never' } }), ['hotspot'], 'a.json: layer_presence: expected'],
  [
    'a query that is not PromQL',
    layer('hotspot', { layer_presence: { queries: [{ datasource: 'prometheus', query: 'up{' }] } }),
    ['hotspot'],
    'a.json: layer hotspot: layer_presence.queries.0.query: not PromQL from position 3 on',
  ],
  [
    'a query with an unknown function',
    layer('hotspot', { layer_presence: { queries: [{ datasource: 'prometheus', query: 'sum(foo_over_time(up[1m]))' }] } }),
    ['hotspot'],
    'a.json: layer hotspot: layer_presence.queries.0.query: unknown function foo_over_time at position 4',
  ],
  ['no tunables', layer('hotspot', { tunables: [] }), ['hotspot'], 'a.json: tunables: '],
  [
    'a tunable with choices and bounds',
    layer('hotspot', { tunables: [{ name: 'a', value_type: 'double', choices: ['A'], lower_bound: '1', upper_bound: '2', step: 1 }] }),
    ['hotspot'],
    'a.json: tunables.0: expected either choices, or bounds and a step',
  ],
  [
    'two tunables with the same name',
    layer('hotspot', { tunables: [...layer('x').tunables, ...layer('x').tunables] }),
    ['hotspot'],
    'two tunables',
  ],
])('prevents the start with %s', (_, document, names, fault) => {
  write('a.json', document);

  expect(faultOf(names)).toContain(fault);
});

it('prevents the start with two files for one layer', () => {
  write('a.json', layer('hotspot'));
  write('b.json', layer('hotspot'));

  expect(faultOf(['hotspot'])).toContain('b.json: layer_name: another file has the name "hotspot" too');
});
