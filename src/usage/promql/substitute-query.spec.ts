import type { Experiment } from '../../experiments/experiment.js';
import { substituteQuery } from './substitute-query.js';

const experiment: Experiment = {
  type: 'container',
  name: 'n',
  datasource: 'd',
  clusterName: 'c',
  pods: 1,
  namespace: 'a"b',
  workload: 'w.1',
  workloadType: 'deployment',
  container: "it's `c`",
  image: 'i',
};

describe('substituteQuery', () => {
  it.each([
    ['x{n="$NAMESPACE$"}', 'x{n="a\\"b"}'],
    ["x{n='$NAMESPACE$', c='$CONTAINER_NAME$'}", "x{n='a\"b', c='it\\'s `c`'}"],
    ['x{c=`$CONTAINER_NAME$`}', 'x{c="it\'s `c`"}'],
    ['x{p=~"$WORKLOAD$-.*"}', 'x{p=~"w\\\\.1-.*"}'],
    ['x{p!~`$WORKLOAD$\\d`}', 'x{p!~"w\\\\.1\\\\d"}'],
    ['x{p="$WORKLOAD$/$WORKLOAD_TYPE$"}', 'x{p="w.1/deployment"}'],
    ['x{p="\\$NAMESPACE"} > 0', 'x{p="\\$NAMESPACE"} > 0'],
    ['sum(x{n="plain"})', 'sum(x{n="plain"})'],
  ])('puts values into %s, escaped for where they stand', (query, substituted) => {
    expect(substituteQuery(query, experiment)).toBe(substituted);
  });
});
