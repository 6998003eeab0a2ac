#!/usr/bin/env node
// Only what an old Node can read, so that it says what it lacks.
import { faultOfNode } from './node-version.js';

const fault = faultOfNode(process.version);
if (fault === undefined) await import('./commands.js');
else {
  process.stderr.write(`${fault}\n`);
  process.exit(1);
}
