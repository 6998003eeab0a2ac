import { readdirSync, readFileSync } from 'node:fs';
import { recommend } from '../recommendation/recommend.js';
import { readUsageFile } from './read-usage-file.js';
import { writeUsageFile } from './write-usage-file.js';

const folder = new URL('../../test/fixtures/recommendations/in/', import.meta.url);
const readFixture = (name: string) => readUsageFile(JSON.parse(readFileSync(new URL(name, folder), 'utf8')));

it.each(readdirSync(folder))('writes %s to a file that gives the same recommendations', (name) => {
  const { usage, settings, subject } = readFixture(name);

  const reread = readUsageFile({ ...(JSON.parse(JSON.stringify(writeUsageFile(usage, subject))) as object) });

  expect(reread.subject).toEqual(subject);
  expect(reread.usage.present).toEqual(usage.present);
  expect(recommend(reread.usage, settings)).toEqual(recommend(usage, settings));
});

it('keeps a subject without an image', () => {
  const { usage } = readFixture('s1_small.json');
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

it('writes the last row of a JVM and later intervals that have no other sample', () => {
  const { usage } = readFixture('s1_small.json');
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
    const reread = readUsageFile(writeUsageFile(table, subject)).usage;

    expect({ jvm: reread.jvm, jvmLastRow: reread.jvmLastRow, present: reread.present }).toEqual({
      jvm,
      jvmLastRow: table.jvmLastRow,
      present,
    });
  }
});
