import { readdirSync, readFileSync } from 'node:fs';
import { readUsageFile } from './read-usage-file.js';
import { recommend } from './recommend.js';
import { writeUsageFile } from './write-usage-file.js';

const folder = new URL('../../test/fixtures/recommendations/in/', import.meta.url);
const read = (name: string) => readUsageFile(JSON.parse(readFileSync(new URL(name, folder), 'utf8')));

it.each(readdirSync(folder))('writes %s to a file that gives the same recommendations', (name) => {
  const { usage, settings, subject } = read(name);

  const again = readUsageFile({ ...(JSON.parse(JSON.stringify(writeUsageFile(usage, subject))) as object) });

  expect(again.subject).toEqual(subject);
  expect(again.usage.present).toEqual(usage.present);
  expect(recommend(again.usage, settings)).toEqual(recommend(usage, settings));
});

it('names a subject without an image as it is', () => {
  const { usage } = read('s1_small.json');
  const subject = {
    type: 'container',
    name: 'n',
    clusterName: 'c',
    namespace: 'shop',
    workload: 'w',
    workloadType: 'job',
    container: 'x',
  } as const;

  expect(readUsageFile(writeUsageFile(usage, subject)).subject).toEqual(subject);
});
