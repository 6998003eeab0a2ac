import { nameExperiment } from './plan-experiments.js';

const format = '%datasource%|%clustername%|%namespace%|%workloadname%(%workloadtype%)|%containername%';
const parts = {
  datasource: 'prometheus-1',
  clusterName: 'default',
  namespace: 'ns',
  workload: 'web',
  workloadType: 'deployment',
  container: 'app',
};
const labelled = '%label:org_id%|%label:cluster_id%|%namespace%';

describe('nameExperiment', () => {
  it('fills the default format', () => expect(nameExperiment(format, parts)).toBe('prometheus-1|default|ns|web(deployment)|app'));

  it.each<[string, Record<string, string> | undefined, string]>([
    ['no labels', undefined, '%label:org_id%|%label:cluster_id%|ns'],
    ['an empty map', {}, '%label:org_id%|%label:cluster_id%|ns'],
    ['one of two labels', { org_id: 'O' }, 'O|unknowncluster_id|ns'],
    ['both labels', { org_id: 'O', cluster_id: 'C' }, 'O|C|ns'],
    ['a comma in a value', { org_id: 'a,b', cluster_id: 'C' }, 'a,b|C|ns'],
    ['an empty value', { org_id: '', cluster_id: 'C' }, '|C|ns'],
  ])('resolves label placeholders with %s', (_what, labels, name) => expect(nameExperiment(labelled, { ...parts, labels })).toBe(name));

  it.each([
    ['%label:app.kubernetes.io/name%', '%label:app.kubernetes.io/name%'],
    ['%label:a-b%', '%label:a-b%'],
    ['%pod%/%namespace%', '%pod%/ns'],
    ['100%|%namespace%', '100%|ns'],
    ['%constructor%|%toString%', '%constructor%|%toString%'],
    ['%label:constructor%', 'unknownconstructor'],
    ['fixed', 'fixed'],
  ])('keeps unknown placeholders in %s', (text, name) => {
    expect(nameExperiment(text, { ...parts, labels: { org_id: 'O' } })).toBe(name);
  });

  it.each(['%namespace%', '$&', "$'", '"', '\\', '\n', 'ünï😀', '%label:org_id%', ''])('inserts the value %j unchanged', (value) => {
    expect(nameExperiment('<%namespace%>', { ...parts, namespace: value, labels: { org_id: 'O' } })).toBe(`<${value}>`);
  });

  it.each([
    [format, 'prometheus-1|default|ns'],
    ['%namespace%', 'ns'],
    ['%workloadname%|%namespace%|%containername%', 'ns'],
    ['%datasource%/%namespace%/%workloadtype%', 'prometheus-1/ns/'],
  ])('names a namespace by %s without empty parts', (text, name) => {
    const { datasource, clusterName, namespace } = parts;
    expect(nameExperiment(text, { datasource, clusterName, namespace })).toBe(name);
  });

  it('does not shorten names with parts of 253 characters', () => {
    const long = 'x'.repeat(253);
    const name = nameExperiment(format, { ...parts, namespace: long, workload: long, container: long });
    expect(name).toBe(`prometheus-1|default|${long}|${long}(deployment)|${long}`);
  });

  it('shortens names that are too long for an index and keeps them distinct', () => {
    const long = '😀'.repeat(253);
    const [one, other] = ['a', 'b'].map((end) =>
      nameExperiment(format, { ...parts, namespace: long, workload: long, container: long + end }),
    );
    for (const name of [one, other]) {
      expect(Buffer.byteLength(name)).toBeLessThan(2_600);
      expect(name).toMatch(/^prometheus-1\|default\|(😀)+.*~[0-9a-f]{32}$/u);
      expect(name).not.toMatch(/\p{Surrogate}/u);
      expect(name).not.toContain('\ufffd');
    }
    expect(one).not.toBe(other);
  });

  it('shortens names of more than 2,500 bytes', () => {
    expect(nameExperiment('x'.repeat(2_500), parts)).toBe('x'.repeat(2_500));
    expect(nameExperiment('x'.repeat(2_501), parts)).toMatch(/^x{2500}~[0-9a-f]{32}$/);
  });
});
