/**
 * A proxy in front of a territory API that fails on command: the trouble that lies between two programs and that
 * neither of them makes by itself. It knows nothing of what it carries but whether a request writes.
 */
import { Agent, createServer, request as send } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '../sandbox/territory-api/seeded-random.ts';

/** What can happen to a request. */
export type FaultKind =
  /** 503; the API never hears of it. */
  | 'unavailable'
  /** 429 with `Retry-After: 1`; the API never hears of it. */
  | 'throttled'
  /** The connection is cut; the API never hears of it. */
  | 'cut-before'
  /** The API has answered, and the connection is cut. */
  | 'cut-after'
  /** The API has answered, and the client gets 502. */
  | 'failed-after'
  /** The request reaches the API later, also when the client has given up by then. */
  | 'late';

export interface FaultPlan {
  readonly kind: FaultKind;
  /** Default: every request. */
  readonly on?: 'read' | 'write';
  /** Ends by itself after so many hits; default: never. */
  readonly times?: number;
  /** Share of the requests that it hits, drawn by the proxy's seed; default 1. */
  readonly share?: number;
  /** Of `late`; default 1000. */
  readonly delayMs?: number;
}

export interface FaultProxy {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Added to the plans that hold already; the first one that hits a request has it. */
  inject(plan: FaultPlan): void;
  /** Ends every plan. What is held back goes on. */
  heal(): void;
  /** Hits so far. */
  readonly hits: Readonly<Record<FaultKind, number>>;
  /** Requests that came in so far. */
  readonly requests: { readonly reads: number; readonly writes: number };
  /** Resolves when no request is being carried or held back. */
  untilIdle(): Promise<void>;
  stop(): Promise<void>;
}

export interface FaultProxyOptions {
  /** Where it sends what it lets through. */
  readonly target: string;
  readonly seed?: number;
  /** On the way to the API, and again on the way back, for every request; default 0. */
  readonly latencyMs?: number;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Headers that belong to one connection and not to the message. */
const CONNECTION_HEADERS = ['connection', 'keep-alive', 'transfer-encoding', 'content-length'];

/** Longer than any client keeps a connection: none meets one that is just being closed. */
const KEEP_ALIVE_MS = 65_000;

/** Starts the proxy on 127.0.0.1. Whoever starts it stops it. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { target, seed = 1, latencyMs = 0 } = options;
  const agent = new Agent({ keepAlive: true });
  const plans = new Plans(new SeededRandom(seed, 'faults'));
  const requests = { reads: 0, writes: 0 };
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();

  const wait = async (ms: number): Promise<void> => {
    if (ms > 0) await delay(ms, undefined, { signal: stopping.signal });
  };
  const carry = async (incoming: IncomingMessage, body: Buffer): Promise<Answer> => {
    await wait(latencyMs);
    const answer = await forward(target, incoming, body, agent);
    await wait(latencyMs);
    return answer;
  };

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const writes = incoming.method !== 'GET';
    requests[writes ? 'writes' : 'reads'] += 1;
    const body = await bytesOf(incoming);
    const plan = plans.draw(writes ? 'write' : 'read');
    switch (plan?.kind) {
      case 'unavailable':
        return answerWith(outgoing, said(503));
      case 'throttled':
        return answerWith(outgoing, said(429, { 'retry-after': '1' }));
      case 'cut-before':
        return void incoming.socket.destroy();
      case 'cut-after':
        await carry(incoming, body);
        return void incoming.socket.destroy();
      case 'failed-after':
        await carry(incoming, body);
        return answerWith(outgoing, said(502));
      case 'late':
        await wait(plan.delayMs ?? 1000);
        return answerWith(outgoing, await carry(incoming, body));
      case undefined:
        return answerWith(outgoing, await carry(incoming, body));
    }
  };

  const server = createServer((incoming, outgoing) => {
    // Either side may be gone: what is left of the exchange ends with its connection.
    const exchange = handle(incoming, outgoing)
      .catch(() => void incoming.socket.destroy())
      .finally(() => underWay.delete(exchange));
    underWay.add(exchange);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    inject: (plan) => plans.add(plan),
    heal: () => plans.clear(),
    hits: plans.hits,
    requests,
    async untilIdle() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    async stop() {
      stopping.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      agent.destroy();
    },
  };
}

/** Which plan hits the next request. */
class Plans {
  readonly hits: Record<FaultKind, number> = {
    unavailable: 0,
    throttled: 0,
    'cut-before': 0,
    'cut-after': 0,
    'failed-after': 0,
    late: 0,
  };
  private readonly random: SeededRandom;
  private readonly open: { readonly plan: FaultPlan; left: number }[] = [];

  constructor(random: SeededRandom) {
    this.random = random;
  }

  add(plan: FaultPlan): void {
    this.open.push({ plan, left: plan.times ?? Infinity });
  }

  clear(): void {
    this.open.length = 0;
  }

  draw(what: 'read' | 'write'): FaultPlan | undefined {
    const found = this.open.find(
      ({ plan: { on = what, share = 1 }, left }) => left > 0 && on === what && this.random.fraction() < share,
    );
    if (!found) return undefined;
    found.left -= 1;
    this.hits[found.plan.kind] += 1;
    return found.plan;
  }
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function forward(target: string, incoming: IncomingMessage, body: Buffer, agent: Agent): Promise<Answer> {
  const { host } = new URL(target);
  const headers = { ...passedOn(incoming.headers), host, 'content-length': body.length };
  return new Promise((resolve, reject) => {
    const outgoing = send(
      `${target}${incoming.url}`,
      { method: incoming.method, headers, agent },
      (response) => {
        const { statusCode: status = 502, headers: answered } = response;
        bytesOf(response).then(
          (bytes) => resolve({ status, headers: passedOn(answered), body: bytes }),
          reject,
        );
      },
    );
    outgoing.on('error', reject).end(body);
  });
}

function passedOn(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CONNECTION_HEADERS.includes(name)));
}

function said(status: number, headers: IncomingHttpHeaders = {}): Answer {
  return { status, headers: { 'content-type': 'text/plain', ...headers }, body: Buffer.from(`${status}`) };
}

function answerWith(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  outgoing.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
}
