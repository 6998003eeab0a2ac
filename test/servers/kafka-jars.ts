import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, cacheFolder } from './cache-folder.js';
import { findProgram } from './find-program.js';
import { ensureInstalled } from './install.js';
import { runCommand } from './run-command.js';

/** Apache Kafka that is run: the newest 4.1. */
const kafkaVersion = '4.1.1';
const name = `kafka-${kafkaVersion}`;

/** Whether they are here, so that Maven is not needed. */
export function hasKafkaJars(): boolean {
  return existsSync(join(cacheFolder(), name));
}

/** The folder with the jars of Apache Kafka; the first time they come through Maven (about 45 MB). */
export async function kafkaJars(): Promise<string> {
  if (!hasKafkaJars()) await ensureInstalled({ maven: true });
  return cached(name, async (folder) => {
    console.error(`Fetching Apache Kafka ${kafkaVersion} through Maven …`);
    const pom = fileURLToPath(new URL('./kafka-pom.xml', import.meta.url));
    await runCommand(findProgram('mvn')!, [
      '--quiet',
      '--batch-mode',
      '--file',
      pom,
      `-Dkafka.version=${kafkaVersion}`,
      '-DincludeScope=runtime',
      `-DoutputDirectory=${folder}`,
      'dependency:copy-dependencies',
    ]);
  });
}
