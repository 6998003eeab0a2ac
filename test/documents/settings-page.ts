import { type DescribedSetting, describedChapters } from '../../src/settings/read-settings.js';

/** Text of docs/settings.md: every environment variable with default, description and range from src/settings/settings-schema.ts. */
export function settingsPage(): string {
  const parts = describedChapters().map(
    ({ heading, settings }) => `## ${heading}\n\n| name | default | meaning |\n|---|---|---|\n${settings.map(rowOf).join('\n')}\n`,
  );
  return `${head}\n${parts.join('\n')}`;
}

const head = `# Settings

<!-- Generated from src/settings/settings-schema.ts by \`npm run docs\`; a test compares the two. -->

Every setting is an environment variable. An empty variable counts as unset. Lists are comma-separated. If a setting is invalid, the service does
not start and lists all errors at once. \`npm start -- --help\` prints this list.
`;

function rowOf({ name, defaultText, description, values, range }: DescribedSetting): string {
  const bounds = values.length > 0 ? values.map((word) => `\`${word}\``).join(', ') : range;
  const cells = [`\`${name}\``, defaultText === undefined ? '' : `\`${defaultText}\``, `${description}${bounds && `; ${bounds}`}`];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
