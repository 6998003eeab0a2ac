import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Minimum Java version of Apache Kafka 4 brokers. */
const minJavaVersion = 17;
const debianJavaFolder = '/usr/lib/jvm';

/** Returns the program's path; undefined if it is not in PATH. */
export function findProgram(name: string): string | undefined {
  // On Debian, PATH often lacks the sbin folders, where some packages install servers.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Returns a Java that can run Kafka: from JAVA_HOME, PATH, or Debian's folder of installed versions. */
export function findJava(): string | undefined {
  const installed = existsSync(debianJavaFolder)
    ? readdirSync(debianJavaFolder).map((folder) => join(debianJavaFolder, folder, 'bin/java'))
    : [];
  const candidates = [process.env.JAVA_HOME && join(process.env.JAVA_HOME, 'bin/java'), findProgram('java'), ...installed];
  return candidates.find((java) => java && isExecutable(java) && majorVersion(java) >= minJavaVersion);
}

/** 17 for `17.0.15`; 1 for `1.8.0`, which is too old as well. */
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
