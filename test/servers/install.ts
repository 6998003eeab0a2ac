import { existsSync } from 'node:fs';
import pLimit from 'p-limit';
import pRetry from 'p-retry';
import { asRoot } from './as-root.js';
import { findJava, findProgram } from './find-program.js';
import { runCommand } from './run-command.js';

/** Programs that the servers need: how to detect them, and their Debian packages (the first one that apt knows is installed). */
const programs = {
  prometheus: { isThere: () => Boolean(findProgram('prometheus') && findProgram('promtool')), packages: ['prometheus'] },
  java: { isThere: () => Boolean(findJava()), packages: ['openjdk-21-jre-headless', 'openjdk-17-jre-headless', 'default-jre-headless'] },
  maven: { isThere: () => Boolean(findProgram('mvn')), packages: ['maven'] },
  redis: { isThere: () => Boolean(findProgram('redis-server')), packages: ['redis-server'] },
  pgbouncer: { isThere: () => Boolean(findProgram('pgbouncer')), packages: ['pgbouncer'] },
} as const satisfies Record<string, { isThere: () => boolean; packages: readonly string[] }>;
export type Program = keyof typeof programs;

/** Debian calls this program before it starts a package's service; exit code 101 prevents the start. */
const servicePolicy = '/usr/sbin/policy-rc.d';

/** apt allows one process at a time, so calls run one after the other. */
const oneAtATime = pLimit(1);

/** Installs missing programs by apt-get. Services of the packages are neither started nor enabled. */
export async function ensureInstalled(wanted: Readonly<Partial<Record<Program, boolean>>>): Promise<void> {
  await oneAtATime(async () => {
    const missing = (Object.keys(programs) as Program[]).filter((name) => wanted[name] && !programs[name].isThere());
    if (missing.length > 0) await installPrograms(missing);
  });
}

async function installPrograms(missing: readonly Program[]): Promise<void> {
  try {
    await installPackages(missing);
  } catch (cause) {
    const packages = missing.map((name) => programs[name].packages[0]).join(', ');
    throw new Error(`${missing.join(', ')} is missing and cannot be installed (on Debian: ${packages}): ${(cause as Error).message}`, {
      cause,
    });
  }
}

async function installPackages(missing: readonly Program[]): Promise<void> {
  if (!findProgram('apt-get')) throw new Error('apt-get is not available; install it manually');
  console.error(`Missing on this machine: ${missing.join(', ')}. Updating the package lists of apt-get, which may take some minutes …`);
  // `update` cannot wait for its lock, which the system's daily update may hold. So it is retried.
  await pRetry(() => asRoot('apt-get', ['update', '-qq']), { retries: 3, minTimeout: 5_000, factor: 2 });
  const packages = await Promise.all(missing.map((name) => firstKnown(programs[name].packages)));
  console.error(`Installing the Debian packages ${packages.join(', ')} …`);
  await withoutServiceStart(() =>
    asRoot('apt-get', ['install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...packages]),
  );
  await disableServices(packages);
  const absent = missing.filter((name) => !programs[name].isThere());
  if (absent.length > 0)
    throw new Error(`apt-get installed ${packages.join(', ')}, but ${absent.join(', ')} cannot be found or is too old`);
}

/** Returns the first package that apt knows. */
async function firstKnown(packages: readonly string[]): Promise<string> {
  for (const name of packages) {
    const policy = await runCommand('apt-cache', ['policy', name], { env: { ...process.env, LC_ALL: 'C' } });
    if (/Candidate: (?!\(none\))/.test(policy)) return name;
  }
  throw new Error(`apt knows none of the packages ${packages.join(', ')}`);
}

async function withoutServiceStart(install: () => Promise<unknown>): Promise<void> {
  const isOurs = !existsSync(servicePolicy);
  if (isOurs) await asRoot('sh', ['-c', `printf '#!/bin/sh\\nexit 101\\n' > ${servicePolicy} && chmod 755 ${servicePolicy}`]);
  try {
    await install();
  } finally {
    if (isOurs) await asRoot('rm', ['-f', servicePolicy]);
  }
}

/** Disables the services of the packages, which Debian enables for the next boot. Only their programs are needed. */
async function disableServices(packages: readonly string[]): Promise<void> {
  if (!existsSync('/run/systemd/system')) return;
  const services = packages.filter((name) => name === 'prometheus' || name === 'redis-server');
  for (const service of services) await asRoot('systemctl', ['disable', '--now', service]);
}
