// Adds missing entries to package-lock.json. If a registry mirror lacks the builds for other platforms, `npm install` leaves out their entries, and then
// `npm ci` rejects the file everywhere. Run this after `npm install`; it changes nothing if no entry is missing. Added entries have no integrity hash.
// `--check` only reports missing entries and exits with status 1 if there are any. Uses only Node's built-in modules, as ready.mjs does.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const operatingSystems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'sunos', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];
const libraries = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

/** Reads the platform from a package name such as `@swc/core-linux-x64-gnu`. */
function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = words.find((word) => operatingSystems.includes(word));
  const cpu = words.find((word) => processors.includes(word));
  const libc = os === 'linux' ? libraries[words.at(-1)] : undefined;
  return os && cpu ? { cpu: [cpu], ...(libc && { libc: [libc] }), os: [os] } : undefined;
}

const lock = JSON.parse(readFileSync(file, 'utf8'));
const nameOf = (path) => path.split('node_modules/').at(-1);
const locked = new Set(Object.keys(lock.packages).map(nameOf));
const added = Object.entries(lock.packages).flatMap(([, { dev, license, optionalDependencies = {} }]) =>
  Object.entries(optionalDependencies)
    .filter(([name, version]) => !locked.has(name) && /^\d/.test(version) && platformOf(name))
    .map(([name, version]) => {
      const { cpu, libc, os } = platformOf(name);
      return [`node_modules/${name}`, { version, cpu, ...(dev && { dev }), ...(libc && { libc }), license, optional: true, os }];
    }),
);

for (const [path, { version }] of added) console.error(`${nameOf(path)} ${version} is missing from package-lock.json`);
if (process.argv.includes('--check')) process.exit(added.length === 0 ? 0 : 1);
if (added.length > 0) {
  const [root, ...packages] = Object.entries(lock.packages);
  // The order that npm uses.
  const all = [...packages, ...added].sort(([a], [b]) => a.localeCompare(b, 'en'));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries([root, ...all]) }, null, 2)}\n`);
  console.error(`Added ${added.length} entries.`);
}
