/** The oldest Node that this runs on, as package.json says in `engines`. */
const oldest = [20, 19];

/** What to do about a Node that is too old; undefined if it is not. Uses only what Node 12 knows. */
export function faultOfNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  if (major > oldest[0]! || (major === oldest[0] && minor >= oldest[1]!)) return undefined;
  return `rightsizer needs Node ${oldest.join('.')} or newer; this is ${version}. Install a newer one (https://nodejs.org).`;
}
