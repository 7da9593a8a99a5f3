/** One field of SAP's log format after the other, as cf-nodejs-logging-support 7.4.6 writes it and SAP Cloud Logging indexes it. */
import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { createLogger } from '../../../srv/platform/logger.ts';

const AT = Date.UTC(2026, 10, 22, 12, 0, 0, 5);

const component = {
  name: 'territory-srv',
  id: 'application-guid',
  instanceIndex: 2,
  space: 'dev',
  spaceId: 'space-guid',
  organization: 'acme',
  organizationId: 'organization-guid',
  containerIp: '10.0.137.4',
};

/** The line of an error, as it was written. */
function written(): Readonly<Record<string, unknown>> {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const clock = { now: () => AT, monotonicMs: () => 0, after: () => ({ cancel: () => undefined }) };
  const log = createLogger({ level: 'info', format: 'json', component, clock, stream });
  const fields = { correlationId: 'c-1', requestId: 'r-1', tenantId: 't-1', changes: 3 };
  log.error('It does not work', { error: new Error('broken'), ...fields });
  expect(lines).toHaveLength(1);
  // One line, ended: what collects lines tells them apart by that.
  expect(lines[0]).toMatch(/^[^\n]+\n$/);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

it.each([
  ['type', 'log'],
  ['logger', 'territory-sync'],
  ['msg', 'It does not work'],
  ['level', 'error'],
  ['written_at', '2026-11-22T12:00:00.005Z'],
  // Nanoseconds.
  ['written_ts', AT * 1_000_000],
  ['layer', 'node'],
  ['component_type', 'application'],
  ['component_id', 'application-guid'],
  ['component_name', 'territory-srv'],
  // Texts, as the index has them.
  ['component_instance', '2'],
  ['source_instance', '2'],
  ['organization_name', 'acme'],
  ['organization_id', 'organization-guid'],
  ['space_name', 'dev'],
  ['space_id', 'space-guid'],
  ['container_id', '10.0.137.4'],
  ['correlation_id', 'c-1'],
  ['request_id', 'r-1'],
  ['tenant_id', 't-1'],
  // Its lines, one an entry.
  [
    'stacktrace',
    expect.arrayContaining([expect.stringMatching(/^Error: broken$/), expect.stringMatching(/^at /)]),
  ],
  // A field of ours stands beside them.
  ['changes', 3],
])('%s', (name, value) => {
  expect(written()[name]).toEqual(value);
});
