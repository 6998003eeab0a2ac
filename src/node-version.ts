/** Minimum version of Node, the same as `engines` in package.json. */
const minVersion = [20, 19];

/** Returns an error message if Node is too old, else undefined. Uses only features of Node 12. */
export function faultOfNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  if (major > minVersion[0]! || (major === minVersion[0] && minor >= minVersion[1]!)) return undefined;
  return `rightsizer needs Node ${minVersion.join('.')} or newer; this is ${version}. Install a newer one (https://nodejs.org).`;
}
