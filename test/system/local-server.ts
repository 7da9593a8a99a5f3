/** A server on a free port of 127.0.0.1, with or without TLS, that counts its connections: what the services of a test stand on. */
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

export interface LocalServer {
  readonly url: string;
  readonly port: number;
  /** Connections opened so far. */
  connections(): number;
  stop(): Promise<void>;
}

/** @param tls key and certificate; with `ca` a client certificate is asked for, and demanded unless `rejectUnauthorized` is false */
export async function startLocalServer(listener: RequestListener, tls?: ServerOptions): Promise<LocalServer> {
  const server = tls === undefined ? createHttp(listener) : createHttps(tls, listener);
  let connections = 0;
  server.on(tls === undefined ? 'connection' : 'secureConnection', () => (connections += 1));
  server.on('tlsClientError', () => {});
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    connections: () => connections,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The body as text, at most 100 kB. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > 100_000) throw new RangeError('the request is too long');
  }
  return text;
}

/** Common name of the certificate that the client showed; undefined without one. */
export function clientName(request: IncomingMessage): string | undefined {
  const shown = (request.socket as Partial<TLSSocket>).getPeerCertificate?.();
  const name = shown?.subject?.CN;
  return Array.isArray(name) ? name[0] : name;
}
