/**
 * Builds gen/, which is what is deployed: srv/ as JavaScript, with a manifest and a lock file of its own. They list the
 * dependencies of the service only; with the root's, `npm ci --omit=dev` would also install the Node binaries that
 * development runs on, some 190 MB, while the platform has its own Node.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Files that the service reads beside its code. */
const ASSETS = /\.sql$/;

/** A step that takes longer hangs. */
const STEP_LIMIT_MS = 180_000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const gen = join(root, 'gen');

rmSync(gen, { recursive: true, force: true });
compile();
copyAssets();
writeManifest();
writeLock();
const packages = checkLock();
console.log(`gen/ is built: srv/, package.json and package-lock.json with ${packages} packages.`);

function compile() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  run('TypeScript', process.execPath, [tsc, '--project', join(root, 'tsconfig.build.json')], root);
}

function copyAssets() {
  for (const entry of readdirSync(join(root, 'srv'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !ASSETS.test(entry.name)) continue;
    const from = join(entry.parentPath, entry.name);
    const to = join(gen, from.slice(root.length));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to);
  }
}

function writeManifest() {
  const { name, version, description, license, type, engines, dependencies } = readJson(
    join(root, 'package.json'),
  );
  const scripts = { start: 'node srv/main.js' };
  writeJson(join(gen, 'package.json'), {
    name,
    version,
    private: true,
    description,
    license,
    type,
    engines,
    scripts,
    dependencies,
  });
}

/** The root's lock, cut down by npm itself to what the manifest of gen/ needs; no version is chosen anew. */
function writeLock() {
  cpSync(join(root, 'package-lock.json'), join(gen, 'package-lock.json'));
  const cut = [
    'install',
    '--package-lock-only',
    '--omit=dev',
    '--ignore-scripts',
    '--offline',
    '--no-audit',
    '--no-fund',
  ];
  npm([...cut, '--omit-lockfile-registry-resolved'], gen);
}

/** @returns number of packages; fails where a version differs from the root's lock or a Node binary is among them. */
function checkLock() {
  const tested = readJson(join(root, 'package-lock.json')).packages;
  const shipped = Object.entries(readJson(join(gen, 'package-lock.json')).packages).filter(
    ([path]) => path !== '',
  );
  for (const [path, { version, integrity }] of shipped) {
    const same = tested[path]?.version === version && tested[path]?.integrity === integrity;
    if (!same)
      fail(
        `${path} is ${version} in gen/ and ${tested[path]?.version} in the root's lock: run npm ci, then build again`,
      );
    if (/^node_modules\/node-(bin-)?(linux|darwin|win)/.test(path)) fail(`${path} would ship a Node binary`);
  }
  return shipped.length;
}

/** The npm that runs this script, else the one in the path. */
function npm(args, folder) {
  const cli = process.env['npm_execpath'];
  if (cli) run('npm', process.execPath, [cli, ...args], folder);
  else run('npm', 'npm', args, folder);
}

function run(what, command, args, folder) {
  const { status, error } = spawnSync(command, args, {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: STEP_LIMIT_MS,
  });
  if (status !== 0) fail(`${what} failed (${error?.message ?? `exit code ${status}`})`);
}

function fail(why) {
  rmSync(gen, { recursive: true, force: true });
  console.error(`build: ${why}`);
  process.exit(1);
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function writeJson(path, value) {
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
}
