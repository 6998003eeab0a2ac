import { explainProfileNamed } from './explain-profile.js';

const defaultProfile = 'resource-optimization-local-monitoring';
const quarters = { stepSeconds: 900 };

it('prints a table with a line per query of the engine', () => {
  const [title, , head, ...lines] = explainProfileNamed(defaultProfile, quarters, { USAGE_SCOPE: 'workload' }).trimEnd().split('\n');

  expect(title).toBe(`${defaultProfile}, intervals of 15 min, USAGE_SCOPE workload`);
  expect(lines).toHaveLength(39);
  const columns = ['QUERY', 'WITH', 'BY', 'WHY'].map((name) => head!.indexOf(name));
  const cells = (query: string) => {
    const line = lines.find((each) => each.includes(` ${query} `))!;
    return columns.map((from, index) => line.slice(from, columns[index + 1]).trim());
  };
  expect(cells('cpuUsage.avg')).toEqual(['cpuUsage.avg', 'chunks', 'batched', '']);
  expect(cells('jvmInfo.sum')).toEqual(['jvmInfo.sum', 'chunks', 'batched, if a probe returns data', '']);
  expect(cells('maxDate.max')).toEqual(['maxDate.max', 'PromQL', 'batched', 'asked only of idle containers']);
});

it('prints one line of JSON for the given scope', () => {
  const text = explainProfileNamed(defaultProfile, { stepSeconds: 3600, scope: 'container', json: true }, { USAGE_SCOPE: 'workload' });

  expect(text.trimEnd()).not.toContain('\n');
  expect(JSON.parse(text)).toMatchObject({
    ...{ profile: defaultProfile, scope: 'container', stepSeconds: 3600 },
    queries: expect.arrayContaining([{ type: 'container', name: 'cpuUsage.avg', reader: 'chunks', asked: 'batched', isProbed: false }]),
  });
});

it('lists the known profiles if the name is unknown', () => {
  expect(() => explainProfileNamed('mine', quarters, {})).toThrow(
    `there is no metric profile "mine"; there are: ${defaultProfile}-norecordingrules, ${defaultProfile}`,
  );
});
