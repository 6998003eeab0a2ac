import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

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
  /** Its content; certificates and keys are in PEM format. */
  readonly kind: 'certificate' | 'key' | 'token';
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
  const key = resultOf(() => createPrivateKey({ key: content, passphrase: keyPassword }));
  if (!key) {
    const hint = keyPassword
      ? ' that keyPassword decrypts'
      : '; if it is encrypted, decrypt it, or set keyPassword if the setting has that member';
    return `${path} is not a private key in PEM format${hint}`;
  }
  const certificateContent = certificatePath ? resultOf(() => readFileSync(certificatePath)) : undefined;
  const certificate = certificateContent && readCertificate(certificateContent);
  return certificate && !certificate.checkPrivateKey(key) ? `${path} is not the key of ${certificatePath}` : undefined;
}

function readCertificate(content: Buffer): X509Certificate | undefined {
  return content.includes('-----BEGIN ') ? resultOf(() => new X509Certificate(content)) : undefined;
}

/** What a function returns; undefined if it throws. */
function resultOf<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
