import { readdirSync, readFileSync } from 'node:fs';
import { recommend } from '../recommendation/recommend.js';
import { readUsageFile } from './read-usage-file.js';
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

it('writes a JVM with the last row that it was seen in, and intervals that nothing else made after it', () => {
  const { usage } = read('s1_small.json');
  const jvm = { runtime: 'OpenJDK', vendor: 'x', version: '17' };
  const present = usage.present.slice().fill(1, -10);
  const subject = {
    type: 'container',
    name: 'n',
    clusterName: 'c',
    namespace: 's',
    workload: 'w',
    workloadType: 'job',
    container: 'x',
  } as const;
  const tables = [
    { ...usage, jvm, jvmLastRow: usage.length - 9, present },
    { ...usage, jvm, jvmLastRow: usage.length - 1, present },
  ];

  for (const table of tables) {
    const again = readUsageFile(writeUsageFile(table, subject)).usage;

    expect({ jvm: again.jvm, jvmLastRow: again.jvmLastRow, present: again.present }).toEqual({
      jvm,
      jvmLastRow: table.jvmLastRow,
      present,
    });
  }
});
