import type { KubernetesObject } from './schemas.js';

/** Types of volumes that the Pod Security Standard "restricted" allows (https://kubernetes.io/docs/concepts/security/pod-security-standards/). */
const volumeTypes = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'];

/** Returns the pod template of a workload; undefined for other objects. */
// biome-ignore lint/suspicious/noExplicitAny: a pod template, whose schema is checked elsewhere
export const podOf = (object: KubernetesObject): any => object.spec?.template;

// biome-ignore lint/suspicious/noExplicitAny: a pod or a container, whose schema is checked elsewhere
type Rules = readonly (readonly [rule: string, holds: (subject: any) => boolean])[];

const podRules: Rules = [
  ['runAsNonRoot', ({ securityContext }) => securityContext?.runAsNonRoot === true],
  ['not as uid 0', ({ securityContext }) => securityContext?.runAsUser !== 0],
  ['seccomp RuntimeDefault', ({ securityContext }) => securityContext?.seccompProfile?.type === 'RuntimeDefault'],
  ['no host namespaces', ({ hostNetwork, hostPID, hostIPC }) => !hostNetwork && !hostPID && !hostIPC],
  ['no sysctls', ({ securityContext }) => !securityContext?.sysctls],
  ['allowed volumes', ({ volumes = [] }) => volumes.every((each: object) => volumeTypes.some((type) => type in each))],
  ['no token of the API server', ({ automountServiceAccountToken }) => automountServiceAccountToken === false],
  ['time to stop', ({ terminationGracePeriodSeconds }) => terminationGracePeriodSeconds >= 30],
];

const containerRules: Rules = [
  ['no privilege escalation', ({ securityContext }) => securityContext?.allowPrivilegeEscalation === false],
  ['not privileged', ({ securityContext }) => !securityContext?.privileged],
  ['read-only root', ({ securityContext }) => securityContext?.readOnlyRootFilesystem === true],
  [
    'no capabilities',
    ({ securityContext }) => securityContext?.capabilities?.drop?.includes('ALL') === true && !securityContext.capabilities.add,
  ],
  [
    'keeps the rules of its pod',
    ({ securityContext: { runAsNonRoot = true, runAsUser, seccompProfile, procMount } = {} as Record<string, unknown> }) =>
      runAsNonRoot === true && runAsUser !== 0 && !seccompProfile && !procMount,
  ],
  ['no host ports', ({ ports = [] }) => ports.every(({ hostPort }: { hostPort?: number }) => hostPort === undefined)],
  [
    'requests and limits',
    ({ resources }) => ['requests', 'limits'].every((side) => ['cpu', 'memory'].every((name) => resources?.[side]?.[name] !== undefined)),
  ],
];

const serviceRules: Rules = [
  ['probes', (container) => ['startupProbe', 'livenessProbe', 'readinessProbe'].every((probe) => probe in container)],
];

/** Returns the rules that a workload's pods violate: the Pod Security Standard "restricted" and our own. Empty for other objects. */
export function podFaults(object: KubernetesObject): string[] {
  const pod = podOf(object)?.spec;
  if (!pod) return [];
  const broken = (rules: Rules, subject: unknown, at: string) =>
    rules.filter(([, holds]) => !holds(subject)).map(([rule]) => `${object.metadata.name}${at}: ${rule}`);
  return [
    ...broken(podRules, pod, ''),
    ...[...(pod.initContainers ?? []), ...pod.containers].flatMap((each) => broken(containerRules, each, `/${each.name}`)),
    ...pod.containers.flatMap((each: { name: string }) => broken(serviceRules, each, `/${each.name}`)),
  ];
}

/** Returns the images of a workload that have no fixed tag. */
export function looseImages(object: KubernetesObject): string[] {
  const { initContainers = [], containers = [] } = podOf(object)?.spec ?? {};
  const images: string[] = [...initContainers, ...containers].map(({ image }) => image);
  return images.filter((image) => !/[^/]:[\w.-]+$/.test(image) || image.endsWith(':latest'));
}
