import { ownerReaders } from './owner-sources.js';
import { ownerKey, PodOwners } from './pod-owners.js';

const series = (question: number, labels: Record<string, string>) => ({
  question,
  labels,
  values: [Float64Array.of(1)],
  firstRow: 0,
  endRow: 1,
});
const replicaSet = (name: string, kind: string, owner: string) =>
  series(0, { namespace: 'shop', replicaset: name, owner_kind: kind, owner_name: owner });
const pod = (kind: string, owner: string) => series(1, { namespace: 'shop', pod: 'p', owner_kind: kind, owner_name: owner });

function ownerOf(source: 'rule' | 'kube-state-metrics', ...all: ReturnType<typeof series>[]): string | undefined {
  const owners = new PodOwners();
  const read = ownerReaders[source](owners);
  for (const each of all) read(each, each.question);
  return owners.ownersOf('shop', 'p', 0)[0]?.owner;
}

describe('ownerReaders', () => {
  it('reads the recording rule', () => {
    const labels = { namespace: 'shop', pod: 'p', workload: 'web', workload_type: 'deployment' };
    expect(ownerOf('rule', series(0, labels))).toBe(ownerKey('web', 'deployment'));
  });

  it.each([
    ['a ReplicaSet of a Deployment', 'web', 'deployment', [replicaSet('web-1', 'Deployment', 'web'), pod('ReplicaSet', 'web-1')]],
    ['a ReplicaSet without an owner', 'web-1', 'replicaset', [replicaSet('web-1', '<none>', '<none>'), pod('ReplicaSet', 'web-1')]],
    ['an unknown ReplicaSet', 'web-1', 'replicaset', [pod('ReplicaSet', 'web-1')]],
    ['a StatefulSet', 'db', 'statefulset', [pod('StatefulSet', 'db')]],
    ['a DaemonSet', 'agent', 'daemonset', [pod('DaemonSet', 'agent')]],
    ['a Job, whatever created it', 'nightly-1', 'job', [pod('Job', 'nightly-1')]],
  ])('joins a pod of %s as the recording rule does', (_, workload, type, all) => {
    expect(ownerOf('kube-state-metrics', ...all)).toBe(ownerKey(workload, type));
  });

  it.each([
    ['no owner', pod('<none>', '<none>')],
    ['an empty owner', pod('', '')],
    ['a Node as its owner', pod('Node', 'n1')],
  ])('ignores a pod with %s', (_, each) => expect(ownerOf('kube-state-metrics', each)).toBeUndefined());
});
