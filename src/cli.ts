#!/usr/bin/env node
// Only syntax of Node 12 (no ?., no ??, no top-level await): an older Node then says which one is needed.
import { faultOfNode } from './node-version.js';

const fault = faultOfNode(process.version);
if (fault === undefined) {
  void import('./commands.js');
} else {
  process.stderr.write(`${fault}\n`);
  process.exit(1);
}
