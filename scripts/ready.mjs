// Prepares a checkout: installs packages and builds, each only if its result is missing or older than its sources.
// Uses only Node's built-in modules, because it runs before packages are installed, and only syntax of Node 12, so that an old Node can report the required version.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`rightsizer needs Node 20.19 or newer; this is ${process.version}. Install a newer one (https://nodejs.org).`);
  process.exit(1);
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Time of the last change in ms; 0 if there is nothing. */
function changedAt(path) {
  const stat = statSync(join(root, path), { throwIfNoEntry: false });
  return stat === undefined ? 0 : stat.mtimeMs;
}

/** Time of the last change of a file, or of a folder and its contents. Removing a file changes the time of its folder. */
function newestIn(path) {
  const entry = statSync(join(root, path), { throwIfNoEntry: false });
  if (entry === undefined) return 0;
  const names = entry.isDirectory() ? readdirSync(join(root, path)) : [];
  return names.reduce((newest, name) => Math.max(newest, newestIn(join(path, name))), entry.mtimeMs);
}

function run(reason, ...args) {
  console.error(`${reason}: npm ${args.join(' ')}`);
  const { status, error } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  console.error(`npm ${args.join(' ')} failed${error ? `: ${error.message}` : ''}. Run it by hand to see the details.`);
  process.exit(status === null ? 1 : status);
}

// npm writes node_modules/.package-lock.json at the end of an install.
if (changedAt('node_modules/.package-lock.json') < changedAt('package-lock.json')) run('Installing packages', 'ci');

const sources = ['src', 'kernel', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json'];
if (changedAt('dist/main.js') < Math.max(...sources.map(newestIn))) run('Building', 'run', 'build');
