// Writes docs/settings.md anew from the schema of the settings.
import { writeFileSync } from 'node:fs';
import { settingsPage } from '../test/documents/settings-page.js';

writeFileSync(new URL('../docs/settings.md', import.meta.url), settingsPage());
