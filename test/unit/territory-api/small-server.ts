/** A server that answers what a test tells it, and remembers what it was asked; and a destination that leads to it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Asked {
  readonly method: string;
  /** Path and query exactly as they stood in the request line. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Told {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** An object is sent as JSON. */
  readonly body?: unknown;
  /** Breaks the connection instead: before the first byte, or in the middle of the body. */
  readonly cut?: 'before' | 'within';
}

export type Answering = (asked: Asked, count: number) => Told | 'silence';

export interface SmallServer {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** How many connections were opened. */
  connections(): number;
  stop(): Promise<void>;
}

export async function startSmallServer(answer: Answering): Promise<SmallServer> {
  const asked: Asked[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one: Asked = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      asked.push(one);
      const told = answer(one, asked.length);
      if (told === 'silence') return;
      if (told.cut === 'before') return void request.socket.destroy();
      const text = typeof told.body === 'string' ? told.body : JSON.stringify(told.body ?? {});
      const type = typeof told.body === 'string' ? 'text/plain' : 'application/json';
      response.writeHead(told.status ?? 200, {
        'content-type': type,
        'content-length': Buffer.byteLength(text),
        ...(told.headers as Record<string, string>),
      });
      if (told.cut !== 'within') return void response.end(text);
      response.write(text.slice(0, 5), () => request.socket.destroy());
    });
  });
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    connections: () => connections,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Makes this the only destination that the Cloud SDK finds. */
export function setDestination(destination: Readonly<Record<string, unknown>>): void {
  process.env['destinations'] = JSON.stringify([destination]);
}

export function clearDestinations(): void {
  delete process.env['destinations'];
}
