#!/usr/bin/env node
/** The command line on whatever Node is there: plain JavaScript that hands over to the launcher, which finds a Node that fits. */
import { fileURLToPath } from 'node:url';

process.argv.splice(2, 0, fileURLToPath(new URL('../srv/cli/main.ts', import.meta.url)));
await import('./node24.mjs');
