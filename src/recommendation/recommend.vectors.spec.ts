import { readdirSync, readFileSync } from 'node:fs';
import { readUsageFile } from '../usage-file/read-usage-file.js';
import { recommend } from './recommend.js';
import { describeExperiment } from './recommendations.js';

const folder = new URL('../../test/fixtures/recommendations/', import.meta.url);
const names = readdirSync(new URL('in/', folder)).map((file) => file.replace(/\.json$/, ''));
const json = (path: string): unknown => JSON.parse(readFileSync(new URL(path, folder), 'utf8'));

/** Deliberate differences from Kruize's engine (docs/compatibility.md): 3 pods are 3. */
const expectedOf: Readonly<Record<string, (text: string) => string>> = {
  s2_full: (text) => text.replaceAll('"pods_count":4', '"pods_count":3'),
};

it('finds all twelve vectors', () => {
  expect(names).toHaveLength(12);
});

it.each(names)("gives Kruize's recommendations for %s", (name) => {
  const { usage, settings, subject } = readUsageFile(json(`in/${name}.json`));

  const described = [describeExperiment(subject, recommend(usage, settings))];

  const expected = JSON.stringify(json(`out/${name}.json`));
  expect(JSON.parse(JSON.stringify(described))).toEqual(JSON.parse(expectedOf[name]?.(expected) ?? expected));
});

it('would notice a change in the last bit of a number', () => {
  const original = JSON.stringify(json('out/w2_multicore.json'));

  expect(JSON.parse(original)).not.toEqual(JSON.parse(original.replace('1.2000000000000002', '1.2')));
});
