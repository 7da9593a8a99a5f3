/**
 * Keeps web pages out. Any page that a browser on this machine shows can send requests to loopback: a plain form or a
 * body-less POST goes out without asking, and a page whose name is made to resolve to 127.0.0.1 (DNS rebinding) even
 * reads the answers. The first cannot set a JSON content type without a preflight, which nothing here answers; the
 * second cannot hide its own name in `Host`.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';

import { isLoopback } from './exposure.ts';
import { refusal } from './refusal.ts';

const READING: readonly string[] = ['GET', 'HEAD'];

/** Refuses what a web page of somebody else may have sent, before its body is read. */
export function guardAgainstPages(server: FastifyInstance): void {
  server.addHook('onRequest', async (request) => {
    checkHost(request.headers.host);
    if (!READING.includes(request.method)) checkContentType(request);
  });
}

function checkHost(host: string | undefined): void {
  if (isLoopback(nameIn(host ?? ''))) return;
  throw refusal({
    status: 403,
    code: 'FOREIGN_HOST',
    detail: 'The Host header does not name this machine: the API answers on loopback only.',
    action: 'Call it as http://localhost or http://127.0.0.1.',
  });
}

function checkContentType({ headers }: FastifyRequest): void {
  if (/^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '')) return;
  throw refusal({
    status: 415,
    code: 'NOT_JSON',
    detail:
      'The Content-Type header is not application/json; a call that changes something needs it, with a body or without.',
    action: 'Send Content-Type: application/json.',
  });
}

/** The host without its port; an IPv6 address without its brackets. */
function nameIn(host: string): string {
  const { ipv6, name } = /^(?:\[(?<ipv6>[^\]]+)\]|(?<name>[^:]+))(?::\d*)?$/.exec(host)?.groups ?? {};
  return ipv6 ?? name ?? '';
}
