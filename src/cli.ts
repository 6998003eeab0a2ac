#!/usr/bin/env node
// Only syntax of Node 12 (no ?., no ??, no top-level await), so that an old Node can report which version is required.
import { faultOfNode } from './node-version.js';

const fault = faultOfNode(process.version);
if (fault === undefined) {
  void import('./commands.js');
} else {
  process.stderr.write(`${fault}\n`);
  process.exit(1);
}
