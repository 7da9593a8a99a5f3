/** A way to a server on this machine through a process of the test: it can be cut, listened to, changed on the way, or end TLS. */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

export interface Relay {
  readonly port: number;
  /** Destroys every connection that goes through it, at both ends. */
  cut(): void;
  close(): Promise<void>;
}

export interface RelayOptions {
  /** What a gateway does: TLS in front, the plain server behind. */
  readonly tls?: tls.TlsOptions;
  /** Joins the two sides of a connection; by default all bytes pass unchanged. */
  readonly join?: (near: net.Socket, far: net.Socket) => void;
}

export async function relayTo(port: number, options: RelayOptions = {}): Promise<Relay> {
  const sockets = new Set<net.Socket>();
  const join = options.join ?? ((near, far) => void near.pipe(far).pipe(near));
  const welcome = (near: net.Socket): void => {
    const far = net.connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    join(near, far);
  };
  const server =
    options.tls === undefined ? net.createServer(welcome) : tls.createServer(options.tls, welcome);
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    port: (server.address() as net.AddressInfo).port,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}
