import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { inspectConfigured } from '../src/datasource/datasources.js';
import { inspectSettings } from '../src/settings/read-settings.js';
import { settingsSchema } from '../src/settings/settings-schema.js';
import { version } from '../src/version.js';
import { findKubectl, kustomize } from './manifests/kubectl.js';
import { looseImages, podFaults, podOf } from './manifests/pod-rules.js';
import { type KubernetesObject, type Kustomization, kustomizationSchema, objectFaults } from './manifests/schemas.js';
import { makeTempFolder } from './servers/temp-folder.js';

const root = fileURLToPath(new URL('../manifests', import.meta.url));
const kubectl = await findKubectl();
if ('reason' in kubectl) console.error(`The tests of rendered manifests are skipped: ${kubectl.reason}.`);
/** Tests of what kubectl renders. */
const rendering = 'reason' in kubectl ? describe.skip : describe;

const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
const readYaml = (file: string): unknown => parse(readFileSync(join(root, file), 'utf8'));
/** A kustomization, whose schema one test checks. */
const readKustomization = (file: string): Kustomization =>
  ({ resources: [], ...(readYaml(file) as Partial<Kustomization>) }) as Kustomization;
const kustomizations = files.filter((file) => file.endsWith('kustomization.yaml'));
const deployable = kustomizations.filter((file) => readKustomization(file).kind === 'Kustomization').map(dirname);
const components = readdirSync(join(root, 'components')).sort();

/** Files with complete objects: resources of kustomizations, and examples. */
const objectFiles = [
  ...kustomizations.flatMap((file) =>
    readKustomization(file)
      .resources.filter((resource) => resource.endsWith('.yaml'))
      .map((resource) => join(dirname(file), resource)),
  ),
  ...files.filter((file) => file.endsWith('.example.yaml')),
];

function parseObjects(text: string): KubernetesObject[] {
  return parseAllDocuments(text, { merge: true }).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw problem;
    return document.toJS() as KubernetesObject;
  });
}

const nameOf = ({ kind, metadata }: KubernetesObject) => `${kind} ${metadata.name}`;

const faultsOf = (objects: readonly KubernetesObject[]): string[] =>
  objects.flatMap((object) => [...objectFaults(object), ...podFaults(object)].map((fault) => `${nameOf(object)}: ${fault}`));

const sourceOf = (file: string) => parseObjects(readFileSync(join(root, file), 'utf8'));

describe('the files of manifests/', () => {
  it.each(kustomizations)('%s has no unknown or deprecated field', (file) => {
    expect(kustomizationSchema.safeParse(readYaml(file)).error?.issues ?? []).toEqual([]);
  });

  it.each(objectFiles)('%s has valid objects and safe pods', (file) => {
    expect(faultsOf(sourceOf(file))).toEqual([]);
  });

  it('are all used', () => {
    const used = new Set([
      ...kustomizations,
      ...objectFiles,
      ...kustomizations.flatMap((file) => {
        const { configMapGenerator = [], patches = [] } = readKustomization(file);
        const names = [...configMapGenerator.flatMap((each) => each.files ?? []), ...patches.map(({ path }) => path)];
        return names.filter((name) => typeof name === 'string').map((name) => join(dirname(file), name));
      }),
    ]);
    expect(files.filter((file) => !used.has(file))).toEqual([]);
  });

  it('use the image of this release', () => {
    const images = kustomizations.flatMap((file) => readKustomization(file).images ?? []);
    expect(images.filter(({ name }) => name === 'rightsizer').map(({ newTag }) => newTag)).toEqual([version]);
    expect(images.filter(({ newTag }) => newTag === 'latest')).toEqual([]);
  });

  it.each(files.filter((file) => file.endsWith('datasources.yaml')))('%s is a valid file of datasources', (file) => {
    const { faults, datasources } = inspectConfigured({ DATASOURCES_FILE: join(root, file) });
    expect(faults).toEqual([]);
    expect(datasources.map(({ name }) => name)).toEqual(['prometheus-1']);
  });
});

describe('a planted fault is found:', () => {
  const worker = 'base/worker.yaml';
  const scaledObject = 'components/keda/scaled-object.yaml';
  const user = 'components/kafka-strimzi/user.yaml';
  const planted = (change: (object: KubernetesObject) => void, file = worker) => {
    // A copy without YAML's aliases, so that a change has one place.
    const object: KubernetesObject = JSON.parse(JSON.stringify(sourceOf(file)[0]));
    change(object);
    return faultsOf([object]);
  };

  it.each<[string, (spec: ReturnType<typeof podOf>) => void]>([
    ['runAsNonRoot', (spec) => delete spec.securityContext.runAsNonRoot],
    ['not as uid 0', (spec) => Object.assign(spec.securityContext, { runAsUser: 0 })],
    ['seccomp RuntimeDefault', (spec) => Object.assign(spec.securityContext.seccompProfile, { type: 'Unconfined' })],
    ['no host namespaces', (spec) => Object.assign(spec, { hostNetwork: true })],
    ['allowed volumes', (spec) => spec.volumes.push({ name: 'host', hostPath: { path: '/' } })],
    ['no token of the API server', (spec) => delete spec.automountServiceAccountToken],
    ['time to stop', (spec) => delete spec.terminationGracePeriodSeconds],
    ['no privilege escalation', (spec) => delete spec.containers[0].securityContext.allowPrivilegeEscalation],
    ['read-only root', (spec) => delete spec.initContainers[0].securityContext.readOnlyRootFilesystem],
    ['no capabilities', (spec) => delete spec.containers[0].securityContext.capabilities],
    ['keeps the rules of its pod', (spec) => Object.assign(spec.containers[0].securityContext, { runAsUser: 0 })],
    ['no host ports', (spec) => Object.assign(spec.containers[0].ports[0], { hostPort: 80 })],
    ['requests and limits', (spec) => delete spec.containers[0].resources.limits.memory],
    ['probes', (spec) => delete spec.containers[0].readinessProbe],
  ])('a pod without the rule "%s"', (rule, change) => {
    expect(planted((object) => change(podOf(object).spec))).toEqual([expect.stringMatching(`: ${rule}$`)]);
  });

  it.each<[string, (object: KubernetesObject) => unknown, string, string]>([
    ['a misspelt field', ({ spec }) => Object.assign(spec.template.spec, { volume: [] }), '/volume is not a field of Deployment', worker],
    ['a value of another type', ({ spec }) => Object.assign(spec, { replicas: 'two' }), '/spec/replicas must be integer', worker],
    ['a missing field', ({ spec }) => delete spec.selector, 'must have required property selector', worker],
    ['an unknown kind', (object) => Object.assign(object, { kind: 'Deploymint' }), 'no schema for apps/v1 Deploymint', worker],
    ['an unknown API', (object) => Object.assign(object, { apiVersion: 'apps/v9' }), 'no schema for apps/v9 Deployment', worker],
    ['a misspelt endpoint', ({ spec }) => Object.assign(spec, { endpoint: [] }), '/spec/endpoint is not', 'base/service-monitor.yaml'],
    ['a misspelt trigger', ({ spec }) => Object.assign(spec.triggers[0].metadata, { group: 'x' }), 'key: "group"', scaledObject],
    ['a misspelt topic', ({ spec }) => Object.assign(spec, { partition: 3 }), 'key: "partition"', 'components/kafka-strimzi/topics.yaml'],
    ['an unknown ACL', ({ spec }) => spec.authorization.acls[0].operations.push('Reed'), '/operations/2 Invalid option', user],
    [
      'a misspelt Route',
      ({ spec }) => Object.assign(spec.tls, { terminate: 'edge' }),
      'key: "terminate"',
      'components/openshift/route.yaml',
    ],
  ])('%s', (_, change, message, file) => {
    expect(planted(change, file).join()).toContain(message);
  });

  it.each(['rightsizer', 'rightsizer:latest', 'registry.example:5000/rightsizer'])('the image %s', (image) => {
    const [worker] = sourceOf('base/worker.yaml');
    podOf(worker!).spec.containers = [{ image }, { image: 'registry.example:5000/rightsizer:0.1.0' }];
    podOf(worker!).spec.initContainers = [];
    expect(looseImages(worker!)).toEqual([image]);
  });

  it('a deprecated field of a kustomization', () => {
    const kustomization = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', commonLabels: {} };
    expect(kustomizationSchema.safeParse(kustomization).error?.message).toContain('commonLabels');
  });
});

/** Whether labels contain all of a selector's. */
const matches = (selector: Readonly<Record<string, string>> = {}, labels: Readonly<Record<string, string>> = {}) =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);

/** Names of what our objects refer to and that users create: README.md of the manifests. */
const fromUsers = [
  'Secret rightsizer-secrets',
  'Secret rightsizer',
  'Secret my-cluster-cluster-ca-cert',
  'ConfigMap openshift-service-ca.crt',
];

/** Returns references to objects that are not there, and selectors that select nothing. */
function brokenReferences(objects: readonly KubernetesObject[]): string[] {
  const known = new Set([...objects.map(nameOf), ...fromUsers]);
  const pods = objects.filter(podOf).map((object) => ({
    ...podOf(object),
    name: object.metadata.name,
    claims: (object.spec.volumeClaimTemplates ?? []).map(({ metadata }: KubernetesObject) => metadata),
  }));
  const selectsPod = (labels?: Readonly<Record<string, string>>) => pods.some(({ metadata }) => matches(labels, metadata.labels));
  const missing = pods.flatMap(({ spec, name, claims }) => {
    const containers = [...(spec.initContainers ?? []), ...spec.containers];
    const references = [
      ...(spec.serviceAccountName ? [`ServiceAccount ${spec.serviceAccountName}`] : []),
      ...containers.flatMap(({ envFrom = [], env = [] }) => [
        ...envFrom.map(({ configMapRef, secretRef }: Record<string, { name: string }>) =>
          configMapRef ? `ConfigMap ${configMapRef.name}` : `Secret ${secretRef!.name}`,
        ),
        ...env.flatMap(({ valueFrom }: { valueFrom?: { secretKeyRef: { name: string } } }) =>
          valueFrom ? [`Secret ${valueFrom.secretKeyRef.name}`] : [],
        ),
      ]),
      ...(spec.volumes ?? []).flatMap(
        ({
          configMap,
          secret,
          projected,
        }: Record<string, { name: string; secretName: string; sources: Record<string, { name: string }>[] }>) => [
          ...(configMap ? [`ConfigMap ${configMap.name}`] : []),
          ...(secret ? [`Secret ${secret.secretName}`] : []),
          ...(projected?.sources.flatMap((source) => (source.configMap ? [`ConfigMap ${source.configMap.name}`] : [])) ?? []),
        ],
      ),
    ];
    const volumes = new Set([...(spec.volumes ?? []), ...claims].map((volume) => volume.name));
    const mounts: string[] = containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map((mount: { name: string }) => mount.name));
    return [
      ...references.filter((reference) => !known.has(reference)).map((reference) => `${name}: ${reference} is missing`),
      ...mounts.filter((mount) => !volumes.has(mount)).map((mount) => `${name}: volume ${mount} is missing`),
    ];
  });
  const useless = objects
    .filter(({ kind, spec, metadata: { namespace } }) => {
      if (kind === 'Service') return !selectsPod(spec.selector);
      if (kind === 'PodDisruptionBudget') return !selectsPod(spec.selector.matchLabels);
      if (kind === 'NetworkPolicy') return namespace === 'rightsizer' && !selectsPod(spec.podSelector.matchLabels);
      if (kind === 'ScaledObject') return !known.has(`Deployment ${spec.scaleTargetRef.name}`);
      if (kind === 'ServiceMonitor') {
        return !objects.some((other) => other.kind === 'Service' && matches(spec.selector.matchLabels, other.metadata.labels));
      }
      return kind === 'Route' && !known.has(`Service ${spec.to.name}`);
    })
    .map((object) => `${nameOf(object)} selects nothing`);
  return [...missing, ...useless];
}

rendering('rendered by kubectl,', () => {
  const everything = 'base with all components';
  const rendered = new Map<string, KubernetesObject[]>();
  const render = async (folder: string) => parseObjects(await kustomize((kubectl as { path: string }).path, folder));

  beforeAll(async () => {
    for (const folder of deployable) rendered.set(folder, await render(join(root, folder)));
    rendered.set(everything, await render(combination(['kafka-strimzi', ...components.filter((name) => name !== 'kafka-strimzi')])));
  });

  /** Writes a kustomization of the base with these components, as README.md shows, and returns its folder. */
  function combination(names: readonly string[]): string {
    const folder = join(makeTempFolder('manifests'), 'mine');
    mkdirSync(folder);
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: [relative(folder, join(root, 'base'))],
      components: names.map((name) => relative(folder, join(root, 'components', name))),
    };
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
    return folder;
  }

  const objectsOf = (folder: string, kind: string) => rendered.get(folder)!.filter((object) => object.kind === kind);
  const settingsOf = (folder: string): Readonly<Record<string, string>> =>
    objectsOf(folder, 'ConfigMap').find(({ metadata }) => metadata.name.startsWith('rightsizer-settings'))!.data;

  const all = [...deployable, everything];

  it('there is an overlay of every component, and one of a single pod', () => {
    expect(deployable.sort()).toEqual(['base', ...[...components, 'single'].map((name) => join('overlays', name))].sort());
  });

  it.each(all)('%s has valid objects and safe pods', (folder) => {
    expect(rendered.get(folder)!.length).toBeGreaterThan(8);
    expect(faultsOf(rendered.get(folder)!)).toEqual([]);
  });

  it.each(all)('%s uses images with a tag, ours with that of this release', (folder) => {
    const workloads = rendered.get(folder)!.filter(podOf);
    expect(workloads.flatMap(looseImages)).toEqual([]);
    const images = JSON.stringify(workloads).match(/"rightsizer:[^"]+"/g);
    expect(new Set(images)).toEqual(new Set([`"rightsizer:${version}"`]));
  });

  it.each(all)('%s refers only to objects that exist', (folder) => {
    expect(brokenReferences(rendered.get(folder)!)).toEqual([]);
  });

  it('a reference to a missing object would be found', () => {
    const objects = rendered.get('base')!.filter(({ kind, metadata }) => kind !== 'ConfigMap' && metadata.name !== 'rightsizer-worker');
    expect(brokenReferences(objects)).toEqual([
      expect.stringMatching(/^rightsizer-api: ConfigMap rightsizer-settings-\w+ is missing$/),
      expect.stringMatching(/^rightsizer-api: ConfigMap rightsizer-datasources-\w+ is missing$/),
    ]);
    const lost = structuredClone(rendered.get('base')!).filter(({ kind }) => kind !== 'Deployment');
    expect(brokenReferences(lost)).toContain('Service rightsizer selects nothing');
  });

  it.each(all)('%s gives each pod more time to stop than the service takes', (folder) => {
    const shutdownSeconds = settingsSchema.parse({}).SHUTDOWN_TIMEOUT_MS / 1000;
    const closingSeconds = 10; // closingMs of src/service.ts
    for (const deployment of objectsOf(folder, 'Deployment')) {
      const { containers, terminationGracePeriodSeconds } = podOf(deployment).spec;
      const preStopSeconds = Number(containers[0].lifecycle.preStop.exec.command[1]);
      expect(terminationGracePeriodSeconds).toBeGreaterThan(preStopSeconds + shutdownSeconds + closingSeconds);
    }
  });

  it.each(all)('%s has settings that the service accepts', (folder) => {
    const plain = settingsOf(folder);
    const settings = {
      ...plain,
      DATABASE_URL: 'postgres://rightsizer:secret@postgres:5432/rightsizer',
      ...('KAFKA_SASL_USERNAME' in plain && { KAFKA_SASL_PASSWORD: 'secret' }),
    };
    expect(Object.keys(settings).filter((name) => !(name in settingsSchema.shape))).toEqual([]);
    expect(inspectSettings(settings).faults).toEqual([]);
  });

  it.each([join('overlays', 'keda'), everything])(
    '%s scales the workers on the lag of the group that they join, and on waiting shards',
    (folder) => {
      const [{ spec }] = objectsOf(folder, 'ScaledObject') as [KubernetesObject];
      const [kafka, metrics] = spec.triggers;
      const settings = settingsOf(folder);
      expect(kafka.metadata).toMatchObject({
        bootstrapServers: settings.KAFKA_BOOTSTRAP_SERVERS,
        consumerGroup: settings.KAFKA_INPUT_GROUP_ID,
        topic: settings.KAFKA_INPUT_TOPIC,
      });
      expect(metrics.metadata.valueLocation).toBe('rightsizer_shards_waiting');
      const { hostname, port, pathname } = new URL(metrics.metadata.url);
      const service = objectsOf(folder, 'Service').find(({ metadata }) => `${metadata.name}.${metadata.namespace}.svc` === hostname);
      expect({ port: service?.spec.ports[0].port, pathname }).toEqual({ port: Number(port), pathname: '/metrics' });
      const worker = objectsOf(folder, 'Deployment').find(({ metadata }) => metadata.name === spec.scaleTargetRef.name)!;
      expect(worker.spec).not.toHaveProperty('replicas');
    },
  );

  it('the user of Kafka may do what the service does, in topics that exist', () => {
    const folder = join('overlays', 'kafka-strimzi');
    const [user] = objectsOf(folder, 'KafkaUser') as [KubernetesObject];
    const acls: Record<string, string[]> = Object.fromEntries(
      user.spec.authorization.acls.map((acl: { resource: { type: string; name: string }; operations: string[] }) => [
        `${acl.resource.type} ${acl.resource.name}`,
        acl.operations,
      ]),
    );
    const { KAFKA_TOPIC_RECOMMENDATIONS, KAFKA_TOPIC_ERROR, KAFKA_TOPIC_SUMMARY } = settingsSchema.parse({});
    const { KAFKA_INPUT_TOPIC, KAFKA_INPUT_GROUP_ID, KAFKA_SASL_USERNAME } = settingsOf(folder);
    const written = [KAFKA_TOPIC_RECOMMENDATIONS, KAFKA_TOPIC_ERROR, KAFKA_TOPIC_SUMMARY, `${KAFKA_INPUT_TOPIC}.dead-letter`];
    expect(acls).toEqual({
      ...Object.fromEntries(written.map((topic) => [`topic ${topic}`, ['Describe', 'Write']])),
      [`topic ${KAFKA_INPUT_TOPIC}`]: ['Describe', 'Read'],
      [`group ${KAFKA_INPUT_GROUP_ID}`]: ['Describe', 'Read'],
    });
    expect(user.metadata.name).toBe(KAFKA_SASL_USERNAME);
    const topics = objectsOf(folder, 'KafkaTopic').map(({ metadata }) => metadata.name);
    expect(topics.sort()).toEqual([...written, KAFKA_INPUT_TOPIC].sort());
  });

  it('no NetworkPolicy lets all pods in', () => {
    for (const folder of all) {
      const policies = objectsOf(folder, 'NetworkPolicy');
      expect(policies.filter(({ spec }) => !spec.policyTypes.includes('Ingress'))).toEqual([]);
      const from = policies.flatMap(({ spec }) => (spec.ingress ?? []).flatMap((rule: { from?: object[] }) => rule.from ?? [{}]));
      expect(from.filter((peer) => !JSON.stringify(peer).includes('matchLabels'))).toEqual([]);
      const [deny] = policies.filter(({ spec, metadata }) => metadata.namespace === 'rightsizer' && !spec.podSelector.matchLabels);
      expect(deny?.spec.ingress).toBeUndefined();
      expect(deny?.metadata.name).toBe('deny-ingress');
    }
  });
});
