import { readFileSync } from 'node:fs';

/** Version in package.json, whose relative path is the same from src/ and dist/. */
export const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
