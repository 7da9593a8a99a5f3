/** Tells what a request that the simulator logged was for. */
import type { LoggedRequest } from '../../sandbox/territory-api/index.ts';

export type RequestKind = 'read' | 'write' | 'metadata' | 'probe' | 'csrf';

export const REQUEST_KINDS: readonly RequestKind[] = ['read', 'write', 'metadata', 'probe', 'csrf'];

export function kindOf({ method, url, headers }: LoggedRequest): RequestKind {
  if (/^fetch$/i.test(headers['x-csrf-token'] ?? '') || method === 'HEAD') return 'csrf';
  if (method !== 'GET') return 'write';
  // Not decoded: the simulator's log cuts long URLs, perhaps within an escaped character.
  if (/\/(?:\$|%24)metadata\b/.test(url)) return 'metadata';
  return /territory-sync-probe|[?&](?:\$|%24)top=1(?:&|$)/.test(url) ? 'probe' : 'read';
}

export function countKinds(requests: readonly LoggedRequest[]): Readonly<Record<RequestKind, number>> {
  const counts = { read: 0, write: 0, metadata: 0, probe: 0, csrf: 0 };
  for (const request of requests) counts[kindOf(request)] += 1;
  return counts;
}
