/** What the tests of the territory API simulator share: one that ends with its test, and requests by plain fetch. */
import { afterEach, expect, vi } from 'vitest';
import { startTerritoryApi } from '../sandbox/territory-api/index.ts';
import type { SandboxTerritoryApi, TerritoryApiOptions } from '../sandbox/territory-api/index.ts';

export const COLLECTION = '/territory-api/v1/assignments';
const started: SandboxTerritoryApi[] = [];

afterEach(async () => {
  const apis = started.splice(0);
  const defects = apis.map((api) => api.stats().defects);
  await Promise.all(apis.map((api) => api.stop()));
  expect(defects.every((count) => count === 0)).toBe(true);
});

/** A simulator without late caches unless asked for, with T001 to T003 of EMEA, stopped after the test. */
export async function start(options: TerritoryApiOptions = {}): Promise<SandboxTerritoryApi> {
  const api = await startTerritoryApi({ caches: 'off', ...options });
  started.push(api);
  const ids = ['T001', 'T002', 'T003'];
  api.seedRecords(ids.map((id) => ({ territoryId: 'EMEA', id, fields: { owner: 'A', quota: 1 } })));
  return api;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // The tests look at whatever came.
  readonly body: Record<string, unknown>;
}

export async function call(api: SandboxTerritoryApi, path: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(api.url + path, { redirect: 'manual', ...init });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
}

export type HeaderTexts = Record<string, string>;

export const read = (api: SandboxTerritoryApi, ids: string, headers: HeaderTexts = {}) =>
  call(api, `${COLLECTION}?ids=${ids}&fields=id,etag,owner`, { headers });

export function json(method: string, body: unknown, headers: HeaderTexts = {}): RequestInit {
  return { method, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

export const write = (api: SandboxTerritoryApi, assignments: readonly object[], headers: HeaderTexts = {}) =>
  call(api, COLLECTION, json('PATCH', { assignments }, headers));

export const batch = (api: SandboxTerritoryApi, requests: readonly object[], headers: HeaderTexts = {}) =>
  call(api, '/territory-api/v1/$batch', json('POST', { requests }, headers));

export const update = (id: string, version: number, fields: object = { owner: 'B' }) => ({
  id,
  operation: 'update',
  ifMatch: `W/"${version}"`,
  fields,
});

export const patch = (id: string, version: number | undefined, more: object = {}) => ({
  id: `r-${id}`,
  method: 'PATCH',
  url: `assignments('${id}')`,
  headers: version === undefined ? {} : { 'if-match': `W/"${version}"` },
  body: { owner: 'B' },
  ...more,
});

export const statuses = (reply: Reply, list: 'results' | 'responses') =>
  (reply.body[list] as { status: number }[]).map(({ status }) => status);

/** Waits for a condition, with patience for a busy machine. */
export const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 10_000, interval: 5 });
