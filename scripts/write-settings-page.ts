// Regenerates docs/settings.md from the settings schema.
import { writeFileSync } from 'node:fs';
import { settingsPage } from '../test/documents/settings-page.js';

writeFileSync(new URL('../docs/settings.md', import.meta.url), settingsPage());
