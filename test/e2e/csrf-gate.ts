/**
 * A gate in front of a territory API that lets a write through only with the token and the cookie of a session, as SAP
 * gateways do: `x-csrf-token: Required` says that there is none, `x-csrf-token: Fetch` on a read gets one.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CsrfGate {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Sessions handed out so far. */
  readonly sessions: number;
  /** Writes turned away so far. */
  readonly turnedAway: number;
  /** Forgets the session: the next write needs another. */
  forget(): void;
  stop(): Promise<void>;
}

/** Starts it on 127.0.0.1; whoever starts it stops it. */
export async function startCsrfGate(target: string): Promise<CsrfGate> {
  let session: { readonly token: string; readonly cookie: string } | undefined;
  const counts = { sessions: 0, turnedAway: 0 };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', headers } = request;
    const asked = headers['x-csrf-token'];
    const reads = method === 'GET' || method === 'HEAD';
    const isKnown =
      session !== undefined && asked === session.token && headers.cookie?.includes(session.cookie) === true;
    const body = Buffer.concat(await request.toArray());
    if (!reads && !isKnown) {
      counts.turnedAway += 1;
      response.writeHead(403, { 'x-csrf-token': 'Required', 'content-type': 'text/plain' });
      response.end('CSRF token validation failed');
      return;
    }
    const answer = await fetch(`${target}${request.url}`, {
      method,
      headers: passedOn(headers),
      ...(!reads && { body }),
    });
    const extra: Record<string, string> = {};
    if (reads && asked?.toString().toLowerCase() === 'fetch') {
      counts.sessions += 1;
      session = { token: randomUUID(), cookie: `session=${randomUUID()}` };
      extra['x-csrf-token'] = session.token;
      extra['set-cookie'] = `${session.cookie}; Path=/; HttpOnly`;
    }
    const text = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, { 'content-type': 'application/json', ...extra });
    response.end(text);
  };

  const server = createServer((request, response) => {
    // The client or the API went away: so does this exchange.
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get sessions() {
      return counts.sessions;
    },
    get turnedAway() {
      return counts.turnedAway;
    },
    forget() {
      session = undefined;
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What the API is to see of the request. */
function passedOn(headers: IncomingMessage['headers']): Record<string, string> {
  const names = ['accept', 'cache-control', 'content-type', 'idempotency-key', 'if-match'];
  return Object.fromEntries(names.flatMap((name) => (headers[name] ? [[name, String(headers[name])]] : [])));
}
