import { randomAt, seedOf } from './cluster/random.js';

/** Series of a small cluster for discovery, with the special cases in which its two methods could differ. */
export interface RoughOwnersOptions {
  readonly seed: number;
  readonly endSeconds: number;
  readonly days: number;
  /** Scrapes are at multiples of this. */
  readonly stepSeconds: number;
}

type Labels = Readonly<Record<string, string>>;
/** From (inclusive) and to (exclusive), as fractions of the total time. */
type Life = readonly [from: number, to: number];
type Draw = (name: string) => number;

interface Line {
  readonly labels: Labels;
  readonly life: Life;
  readonly value: string;
}

const namespaces = ['shop', 'shop.eu', 'a"b\\c'];
const kinds = ['deployment', 'statefulset', 'job'];
const podsPerWorkload = 5;
const workloadsPerNamespace = 4;

/** OpenMetrics text: pods that start and end, change owners and images, with gaps, unusual values and series without labels. */
export function roughOwners(options: RoughOwnersOptions): string {
  const draw: Draw = (name) => randomAt(seedOf(options.seed, name), 0);
  const pods = namespaces.flatMap((namespace) =>
    Array.from({ length: workloadsPerNamespace * podsPerWorkload }, (_, number) => podLines(namespace, number, draw)),
  );
  const families: readonly (readonly [string, readonly Line[]])[] = [
    ['kube_namespace_status_phase', namespaces.flatMap((namespace) => phaseLines(namespace, draw))],
    ['namespace_workload_pod:kube_pod_owner:relabel', pods.flatMap(({ owners }) => owners)],
    ['kube_pod_container_info', pods.flatMap(({ infos }) => infos)],
  ];
  return `${families.map(([metric, lines]) => familyText(metric, lines, draw, options)).join('')}# EOF\n`;
}

function phaseLines(namespace: string, draw: Draw): Line[] {
  const life: Life = [draw(`${namespace} begins`) * 0.5, 1];
  return ['Active', 'Terminating'].map((phase) => ({ labels: { namespace, phase }, life, value: phase === 'Active' ? '1' : '0' }));
}

function podLines(namespace: string, number: number, draw: Draw): { owners: Line[]; infos: Line[] } {
  const of = (name: string) => draw(`${namespace} ${number} ${name}`);
  const from = of('from') * 0.9;
  const life: Life = [from, from + of('length') * (1.05 - from)];
  const change = life[0] + of('change') * (life[1] - life[0]);
  const workload = `w-${number % workloadsPerNamespace}`;
  const common = { namespace, pod: `pod-${number}`, ...(of('team') < 0.5 && { team: of('which team') < 0.5 ? 'red' : 'blue' }) };
  const owner = (name: string, kind: number, life: Life): Line => ({
    labels: { ...common, workload: name, ...(of('kind is known') < 0.95 && { workload_type: kinds[Math.floor(kind * kinds.length)]! }) },
    life,
    value: '1',
  });
  const kind = of('kind');
  const second = of('second owner');
  const secondLife: Life = second < 0.15 ? life : [change, life[1]];
  const owners = [
    ...(of('is owned') < 0.9 ? [owner(workload, kind, second < 0.4 && second > 0.25 ? [life[0], change] : life)] : []),
    ...(second < 0.4 ? [owner(`${workload}-next`, (kind + 0.4) % 1, secondLife)] : []),
  ];
  const info = (container: string, image: string, lived: Life, value = '1'): Line => ({
    labels: { ...common, container, ...(image && { image }) },
    life: lived,
    value,
  });
  const infos = [
    ...(of('rolls out') < 0.4
      ? [info('app', 'app:1', [life[0], change]), info('app', 'app:2', [change, life[1]])]
      : [info('app', 'app:1', life)]),
    ...(of('has a proxy') < 0.4 ? [info('proxy', of('image') < 0.9 ? 'proxy:1' : '', life, of('odd') < 0.2 ? 'NaN' : '0.5')] : []),
  ];
  return { owners, infos };
}

function familyText(metric: string, lines: readonly Line[], draw: Draw, { endSeconds, days, stepSeconds }: RoughOwnersOptions): string {
  const count = (days * 86_400) / stepSeconds;
  const written = lines.flatMap(({ labels, life, value }) => {
    const name = `${metric}{${Object.entries(labels)
      .map(([label, text]) => `${label}="${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`)
      .join(',')}}`;
    // One in seven series has gaps of hours.
    const gap = draw(`${name} gap`) < 1 / 7 ? 20 + Math.floor(draw(`${name} gap length`) * 100) : 0;
    const steps = Array.from({ length: count + 1 }, (_, step) => step);
    const alive = steps.filter((step) => step >= life[0] * count && step < life[1] * count && (gap === 0 || step % (2 * gap) >= gap));
    return alive.map((step) => `${name} ${value} ${endSeconds - (count - step) * stepSeconds}\n`);
  });
  return `# TYPE ${metric.replace(/_info$/, '')} ${metric.endsWith('_info') ? 'info' : 'gauge'}\n${written.join('')}`;
}
