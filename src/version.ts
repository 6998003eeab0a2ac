import { readFileSync } from 'node:fs';

/** Of the package; src/ and dist/ lie equally deep in it. */
export const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
