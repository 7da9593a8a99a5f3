/** Reads bodies as JSON; none at all counts as an empty object. Nothing else comes here: the guard refuses other types. */
import type { FastifyInstance } from 'fastify';

import { wrongRequest } from './refusal.ts';

export function acceptJson(server: FastifyInstance): void {
  server.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => parseBody(body),
  );
}

/**
 * JSON.parse keeps a member named `__proto__` as a member like any other, which a field of an assignment may be.
 * @throws Refusal
 */
function parseBody(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    // Without its cause: the parser's message quotes the body.
    throw wrongRequest('The body is not JSON in UTF-8.');
  }
}
