import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, cacheFolder } from './cache-folder.js';
import { findProgram } from './find-program.js';
import { ensureInstalled } from './install.js';
import { runCommand } from './run-command.js';

/** Version of Apache Kafka: the latest 4.1. */
const kafkaVersion = '4.1.1';
const name = `kafka-${kafkaVersion}`;

/** Whether the jars are cached, so that Maven is not needed. */
export function hasKafkaJars(): boolean {
  return existsSync(join(cacheFolder(), name));
}

/** Returns the folder with the jars of Apache Kafka; downloads them with Maven on the first call (about 45 MB). */
export async function kafkaJars(): Promise<string> {
  if (!hasKafkaJars()) await ensureInstalled({ maven: true });
  return cached(name, async (folder) => {
    console.error(`Downloading Apache Kafka ${kafkaVersion} with Maven …`);
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
