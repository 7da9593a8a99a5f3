import { describe, expect, it } from 'vitest';

import { code, filesBelow, importsOf } from './sources.ts';
import type { SourceFile } from './sources.ts';

const service = filesBelow('srv', /\.ts$/);
const sandbox = filesBelow('test/sandbox', /\.ts$/);

/** What stands behind a port; behind that of `operations` stand the lanes themselves. */
const ADAPTERS = ['mesh', 'journal', 'territory-api', 'lock', 'alerts'] as const;

/**
 * Which parts of `srv` each part may import besides itself; `ports` are the files `port.ts` of the adapters' folders.
 * Arrows point downward: main → app → lanes, http → ports ← adapters → events → platform.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  platform: [],
  events: ['platform'],
  config: [
    'platform',
    'srv/mesh/dialects.ts',
    'srv/mesh/endpoint.ts',
    'srv/alerts/endpoint.ts',
    'srv/territory-api/settings.ts',
  ],
  mesh: ['platform', 'events', 'ports'],
  journal: ['platform', 'events', 'ports'],
  'territory-api': ['platform', 'events', 'ports'],
  lock: ['platform', 'events', 'ports'],
  alerts: ['platform', 'events', 'ports'],
  operations: ['platform', 'events', 'ports'],
  monitor: ['platform', 'events', 'ports'],
  lanes: ['platform', 'events', 'ports', 'monitor'],
  http: ['platform', 'events', 'ports', 'monitor', 'lanes'],
};

/** The only places that may know several adapters. */
const COMPOSITION = /^srv\/(?:app\.ts|main\.ts|app\/|cli\/)/;

/** Everything in Node that tells the time, waits, or draws lots. */
const CLOCKS_AND_CHANCE = new RegExp(
  [
    String.raw`\bDate\.now\b|\bDate\(\s*\)|\bperformance\.\w|\bprocess\.(?:hrtime|uptime)\b`,
    String.raw`\bset(?:Timeout|Interval|Immediate)\s*\(|\bAbortSignal\.timeout\b|\btimers(?:/promises)?'`,
    String.raw`\bMath\.random\b|\brandom(?:UUID|Bytes|Int)\b`,
  ].join('|'),
);

/** Part of `srv` that a file belongs to, for example `mesh`. */
function partOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function isPort(path: string): boolean {
  return [...ADAPTERS, 'operations'].some((folder) => path === `srv/${folder}/port.ts`);
}

function mayImport(from: string, target: string): boolean {
  const [part, other] = [partOf(from), partOf(target)];
  const allowed = ALLOWED[part] ?? [];
  return (
    part === other ||
    allowed.includes(other) ||
    allowed.includes(target) ||
    (allowed.includes('ports') && isPort(target))
  );
}

/** `path: line` of each place whose code matches. */
function places(files: readonly SourceFile[], pattern: RegExp): readonly string[] {
  return files.flatMap(({ path, text }) =>
    code(text)
      .split('\n')
      .filter((line) => pattern.test(line))
      .map((line) => `${path}: ${line.trim()}`),
  );
}

describe('the structure', () => {
  it('is read at all', () => {
    expect(service.length).toBeGreaterThan(10);
    expect(service.flatMap(importsOf).length).toBeGreaterThan(service.length);
  });

  it('keeps service and sandbox apart: what they share is the wire', () => {
    const crossing = [
      ...service.flatMap((file) => importsOf(file).map(({ target }) => [file.path, target] as const)),
      ...sandbox.flatMap((file) => importsOf(file).map(({ target }) => [file.path, target] as const)),
    ].filter(([from, target]) =>
      from.startsWith('srv/') ? target.startsWith('test/') : target.startsWith('srv/'),
    );
    expect(crossing).toEqual([]);
  });

  it('has a rule for every part of the service', () => {
    const parts = new Set(
      service.filter(({ path }) => !COMPOSITION.test(path)).map(({ path }) => partOf(path)),
    );
    expect([...parts].filter((part) => !(part in ALLOWED))).toEqual([]);
  });

  it('lets imports point downward only, and no adapter know another', () => {
    const upward = service
      .filter(({ path }) => !COMPOSITION.test(path))
      .flatMap((file) =>
        importsOf(file)
          .filter(({ relative, target }) => relative && !mayImport(file.path, target))
          .map(({ target }) => `${file.path} imports ${target}`),
      );
    expect(upward).toEqual([]);
  });

  it('names the file in every relative import, so that Node runs the sources as they are', () => {
    const short = service.flatMap((file) =>
      importsOf(file)
        .filter(({ relative, target }) => relative && !/\.(?:ts|json)$/.test(target))
        .map(({ target }) => `${file.path} imports ${target}`),
    );
    expect(short).toEqual([]);
  });

  it('lets only the configuration read the environment', () => {
    const others = service.filter(({ path }) => !path.startsWith('srv/config/'));
    expect(
      places(
        others,
        /\bprocess\s*(?:\.\s*env\b|\[)|\{[^}]*\benv\b[^}]*\}\s*(?:=\s*process\b|from\s*'(?:node:)?process')/,
      ),
    ).toEqual([]);
    const inside = service.filter(
      ({ path, text }) => path.startsWith('srv/config/') && /process\.env/.test(code(text)),
    );
    expect(inside.map(({ path }) => path)).toEqual(['srv/config/environment.ts']);
  });

  it('lets only the platform read clocks, set timers and draw lots, so that time and chance can be simulated', () => {
    const others = service.filter(({ path }) => !path.startsWith('srv/platform/'));
    expect(places(others, CLOCKS_AND_CHANCE)).toEqual([]);
  });
});

describe('the rules themselves', () => {
  const file = (path: string, text: string): SourceFile => ({ path, text });

  it('see every kind of import', () => {
    const text = `
      import a from './a.ts';
      import type { B } from "../b/port.ts";
      import './c.ts';
      export * from './d.ts';
      const e = await import('./e.ts');
      // import './comment.ts';
      import {
        f,
      } from 'f';`;
    expect(importsOf(file('srv/x/y.ts', text)).map(({ target }) => target)).toEqual([
      'srv/x/a.ts',
      'srv/b/port.ts',
      'srv/x/c.ts',
      'srv/x/d.ts',
      'srv/x/e.ts',
      'f',
    ]);
  });

  it.each([
    ['srv/mesh/index.ts', 'srv/journal/memory/store.ts'],
    ['srv/platform/clock.ts', 'srv/events/change.ts'],
    ['srv/events/outcome.ts', 'srv/mesh/port.ts'],
    ['srv/lanes/flight.ts', 'srv/territory-api/rest.ts'],
    ['srv/http/server.ts', 'srv/config/settings.ts'],
    ['srv/config/settings.ts', 'srv/mesh/index.ts'],
  ])('refuse that %s imports %s', (from, target) => {
    expect(mayImport(from, target)).toBe(false);
  });

  it.each([
    ['srv/mesh/index.ts', 'srv/mesh/port.ts'],
    ['srv/journal/port.ts', 'srv/territory-api/port.ts'],
    ['srv/lanes/flight.ts', 'srv/territory-api/port.ts'],
    ['srv/lanes/flight.ts', 'srv/events/change.ts'],
  ])('allow that %s imports %s', (from, target) => {
    expect(mayImport(from, target)).toBe(true);
  });

  it('do not take comments for code, nor strings for comments', () => {
    expect(code("a('https://x'); // Date.now\n/* Math.random */ b()").replaceAll(/\s+/g, ' ')).toBe(
      "a('https://x'); b()",
    );
  });
});
