import { type DescribedSetting, describedChapters } from '../../src/settings/describe-settings.js';

/** The text of docs/settings.md: every environment variable with default, meaning and bounds, as src/settings/settings-schema.ts states them. */
export function settingsPage(): string {
  const parts = describedChapters().map(
    ({ heading, settings }) => `## ${heading}\n\n| name | default | meaning |\n|---|---|---|\n${settings.map(rowOf).join('\n')}\n`,
  );
  return `${head}\n${parts.join('\n')}`;
}

const head = `# Settings

<!-- Made from src/settings/settings-schema.ts by \`npm run docs\`; a test holds the two together. -->

Every setting is an environment variable; an empty one counts as unset. A faulty one stops the start, and all faults are listed at once.
A list is comma-separated. \`npm start -- --help\` prints the same list.
`;

function rowOf({ name, defaultText, description, words, range }: DescribedSetting): string {
  const bounds = words.length > 0 ? words.map((word) => `\`${word}\``).join(', ') : range;
  const cells = [`\`${name}\``, defaultText === undefined ? '' : `\`${defaultText}\``, `${description}${bounds && `; ${bounds}`}`];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
