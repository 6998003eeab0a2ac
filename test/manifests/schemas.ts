import * as keda from '@kubernetes-models/keda/keda.sh/v1alpha1';
import * as monitoring from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import * as apps from 'kubernetes-models/apps/v1';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as rbac from 'kubernetes-models/rbac.authorization.k8s.io/v1';
import * as core from 'kubernetes-models/v1';
import { z } from 'zod';

/** An object of Kubernetes. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
  // biome-ignore lint/suspicious/noExplicitAny: the schema of the kind is checked first
  readonly [field: string]: any;
}

/** A kind of a package. Its `validate` checks the object that it is called on. */
type Model = { readonly prototype: { validate(): void } };

/** Kinds with a validator, by API. The next major versions of these packages need Node 22. */
const models: Readonly<Record<string, object>> = {
  v1: core,
  'apps/v1': apps,
  'networking.k8s.io/v1': networking,
  'policy/v1': policy,
  'rbac.authorization.k8s.io/v1': rbac,
  'keda.sh/v1alpha1': keda,
  'monitoring.coreos.com/v1': monitoring,
};

const metadata = z.strictObject({
  name: z.string(),
  namespace: z.string(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
/** Strimzi's operators ignore objects without the name of their Kafka cluster. */
const strimziMetadata = metadata.extend({ labels: z.looseObject({ 'strimzi.io/cluster': z.string() }) });
const aclResource = z.strictObject({
  type: z.enum(['topic', 'group', 'cluster', 'transactionalId']),
  name: z.string(),
  patternType: z.enum(['literal', 'prefix']),
});

/** The fields that we use, of kinds without a package. */
const ownSchemas: Readonly<Record<string, z.ZodType>> = {
  // https://github.com/strimzi/strimzi-kafka-operator/blob/main/packaging/install/cluster-operator/043-Crd-kafkatopic.yaml
  'kafka.strimzi.io/v1 KafkaTopic': z.strictObject({
    apiVersion: z.string(),
    kind: z.string(),
    metadata: strimziMetadata,
    spec: z.strictObject({
      partitions: z.int().min(1),
      replicas: z.int().min(1).max(32767),
      config: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    }),
  }),
  // https://github.com/strimzi/strimzi-kafka-operator/blob/main/packaging/install/cluster-operator/044-Crd-kafkauser.yaml
  'kafka.strimzi.io/v1 KafkaUser': z.strictObject({
    apiVersion: z.string(),
    kind: z.string(),
    metadata: strimziMetadata,
    spec: z.strictObject({
      authentication: z.strictObject({ type: z.enum(['tls', 'tls-external', 'scram-sha-512']) }),
      authorization: z.strictObject({
        type: z.literal('simple'),
        acls: z.array(
          z.strictObject({
            resource: aclResource,
            operations: z.array(z.enum(['Read', 'Write', 'Create', 'Delete', 'Alter', 'Describe', 'DescribeConfigs'])).min(1),
          }),
        ),
      }),
    }),
  }),
  // https://github.com/openshift/api/blob/master/route/v1/types.go
  'route.openshift.io/v1 Route': z.strictObject({
    apiVersion: z.string(),
    kind: z.string(),
    metadata,
    spec: z.strictObject({
      to: z.strictObject({ kind: z.literal('Service'), name: z.string().min(1) }),
      port: z.strictObject({ targetPort: z.union([z.string(), z.int()]) }),
      tls: z.strictObject({
        termination: z.enum(['edge', 'passthrough', 'reencrypt']),
        insecureEdgeTerminationPolicy: z.enum(['None', 'Allow', 'Redirect']),
      }),
    }),
  }),
};

/** The fields of triggers, which KEDA's CRD leaves open: https://keda.sh/docs/2.22/scalers/apache-kafka/ and https://keda.sh/docs/2.20/scalers/metrics-api/ */
const triggers = z.array(
  z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('kafka'),
      metadata: z.strictObject({
        bootstrapServers: z.string(),
        consumerGroup: z.string(),
        topic: z.string(),
        lagThreshold: z.string().regex(/^\d+$/),
        tls: z.enum(['enable', 'disable']),
        sasl: z.enum(['none', 'plaintext', 'scram_sha256', 'scram_sha512', 'oauthbearer']),
      }),
      authenticationRef: z.strictObject({ name: z.string() }),
    }),
    z.strictObject({
      type: z.literal('metrics-api'),
      metadata: z.strictObject({
        url: z.url(),
        format: z.literal('prometheus'),
        valueLocation: z.string(),
        targetValue: z.string().regex(/^\d+(\.\d+)?$/),
      }),
    }),
  ]),
);

/** The fields of kustomization files that we use. Deprecated ones (commonLabels, bases, patchesStrategicMerge) are missing on purpose. */
const generator = z.strictObject({
  name: z.string(),
  namespace: z.string(),
  behavior: z.enum(['create', 'merge', 'replace']).optional(),
  envs: z.array(z.string()).optional(),
  files: z.array(z.string()).optional(),
});
export const kustomizationSchema = z.strictObject({
  apiVersion: z.enum(['kustomize.config.k8s.io/v1beta1', 'kustomize.config.k8s.io/v1alpha1']),
  kind: z.enum(['Kustomization', 'Component']),
  resources: z.array(z.string()).default([]),
  components: z.array(z.string()).optional(),
  labels: z.array(z.strictObject({ pairs: z.record(z.string(), z.string()), includeTemplates: z.boolean() })).optional(),
  images: z.array(z.strictObject({ name: z.string(), newName: z.string().optional(), newTag: z.string() })).optional(),
  configMapGenerator: z.array(generator).optional(),
  patches: z.array(z.looseObject({})).optional(),
  replacements: z.array(z.looseObject({})).optional(),
});
export type Kustomization = z.infer<typeof kustomizationSchema>;

/** Returns what is wrong with an object: violations of its kind's schema, and fields that the schema does not know. */
export function objectFaults(object: KubernetesObject): string[] {
  const { apiVersion, kind } = object;
  const own = ownSchemas[`${apiVersion} ${kind}`];
  if (own) return zodFaults(own, object);
  const model = (models[apiVersion] as Readonly<Record<string, Model>> | undefined)?.[kind];
  if (!model) return [`no schema for ${apiVersion} ${kind}`];
  const faults = modelFaults(model, object);
  return kind === 'ScaledObject' ? [...faults, ...zodFaults(triggers, object.spec.triggers)] : faults;
}

function zodFaults(schema: z.ZodType, value: unknown): string[] {
  const { error } = schema.safeParse(value);
  return error?.issues.map(({ path, message }) => `/${path.join('/')} ${message}`) ?? [];
}

/** The packages' validators accept unknown fields. But they read each field that they know, so that a field that was never read is unknown. */
function modelFaults(model: Model, object: KubernetesObject): string[] {
  const read = new Set<string>();
  try {
    model.prototype.validate.call(watchReads(object, '', read));
  } catch (error) {
    return [(error as Error).message];
  }
  return unreadFields(object, '', read).map((path) => `${path} is not a field of ${object.kind}`);
}

function watchReads<Value>(value: Value, path: string, read: Set<string>): Value {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (typeof name !== 'string') return member;
      read.add(`${path}/${name}`);
      return watchReads(member, `${path}/${name}`, read);
    },
  });
}

function unreadFields(value: unknown, path: string, read: ReadonlySet<string>): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const at = `${path}/${name}`;
    return read.has(at) ? unreadFields(member, at, read) : [at];
  });
}
