import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** What a file that a setting names holds; certificates and keys are PEM. */
export type FileKind = 'certificate' | 'key' | 'token';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
};

/** Why a file cannot be read, for people, with the system's code. */
export function whyUnreadable(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return reasons[code] ? `${reasons[code]} (${code})` : (message.split('\n')[0] ?? '');
}

/** A file that a setting names; `place` names the setting, and its member where it has members. */
export interface NamedFile {
  readonly place: string;
  readonly path: string;
  readonly kind: FileKind;
  /** Of a key: its password, and the file of the certificate that it belongs to. */
  readonly keyPassword?: string;
  readonly certificatePath?: string;
}

/** Files that cannot be read or do not hold what they should. Nothing of their content is shown. */
export function fileFaults(files: readonly NamedFile[]): string[] {
  return files.flatMap((file) => {
    const fault = faultOf(file);
    return fault ? [`${file.place}: ${fault}`] : [];
  });
}

function faultOf({ path, kind, keyPassword, certificatePath }: NamedFile): string | undefined {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    return `cannot read ${path}: ${whyUnreadable(error)}`;
  }
  if (kind === 'certificate') return readCertificate(content) ? undefined : `${path} holds no certificate in PEM form`;
  if (kind === 'token') return content.toString().trim() === '' ? `${path} is empty; write the token into it` : undefined;
  const key = readKey(content, keyPassword);
  if (!key) {
    const hint = keyPassword ? ' that keyPassword opens' : '; if it is encrypted, decrypt it or set keyPassword where the setting has one';
    return `${path} holds no private key in PEM form${hint}`;
  }
  const certificate = certificatePath ? readCertificate(readIfThere(certificatePath)) : undefined;
  return certificate && !certificate.checkPrivateKey(key) ? `${path} does not hold the key of ${certificatePath}` : undefined;
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

function readCertificate(content: Buffer): X509Certificate | undefined {
  try {
    return content.includes('-----BEGIN ') ? new X509Certificate(content) : undefined;
  } catch {
    return undefined;
  }
}

function readKey(content: Buffer, passphrase?: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: content, passphrase });
  } catch {
    return undefined;
  }
}
