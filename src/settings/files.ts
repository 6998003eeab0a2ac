import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Content of a file that a setting names; certificates and keys are in PEM format. */
export type FileKind = 'certificate' | 'key' | 'token';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'part of its path is not a folder',
};

/** Returns why a file cannot be read, in words and with the system's error code. */
export function whyUnreadable(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return reasons[code] ? `${reasons[code]} (${code})` : (message.split('\n')[0] ?? '');
}

/** A file that a setting names. `place` is the setting, and the member of it if there is one. */
export interface NamedFile {
  readonly place: string;
  readonly path: string;
  readonly kind: FileKind;
  /** For a key: its password and its certificate's file. */
  readonly keyPassword?: string;
  readonly certificatePath?: string;
}

/** Returns an error for each file that cannot be read or has the wrong content. The errors never show content. */
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
  if (kind === 'certificate') return readCertificate(content) ? undefined : `${path} is not a certificate in PEM format`;
  if (kind === 'token') return content.toString().trim() === '' ? `${path} is empty; write the token into it` : undefined;
  const key = readKey(content, keyPassword);
  if (!key) {
    const hint = keyPassword
      ? ' that keyPassword decrypts'
      : '; if it is encrypted, decrypt it, or set keyPassword if the setting has that member';
    return `${path} is not a private key in PEM format${hint}`;
  }
  const certificate = certificatePath ? readCertificate(readIfExists(certificatePath)) : undefined;
  return certificate && !certificate.checkPrivateKey(key) ? `${path} is not the key of ${certificatePath}` : undefined;
}

function readIfExists(path: string): Buffer {
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
