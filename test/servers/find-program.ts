import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Apache Kafka 4 brokers need at least this Java. */
const leastJava = 17;
const debianJavas = '/usr/lib/jvm';

/** The program's path; undefined where PATH has none. */
export function findProgram(name: string): string | undefined {
  // Debian's users often lack the sbin folders, where some packages put their servers.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** A Java that can run Kafka: JAVA_HOME's, PATH's, or one that Debian installed beside an older one. */
export function findJava(): string | undefined {
  const installed = existsSync(debianJavas) ? readdirSync(debianJavas).map((folder) => join(debianJavas, folder, 'bin/java')) : [];
  const candidates = [process.env.JAVA_HOME && join(process.env.JAVA_HOME, 'bin/java'), findProgram('java'), ...installed];
  return candidates.find((java) => java && isExecutable(java) && majorVersion(java) >= leastJava);
}

/** 17 of `17.0.15`; 1 of `1.8.0`, old enough either way. */
function majorVersion(java: string): number {
  const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' });
  return Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
