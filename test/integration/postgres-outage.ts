/** A way to a database that can be closed and opened again: what a restart of the server, or of the network, looks like. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Way {
  /** For a journal that is to use it. */
  readonly credentials: { readonly uri: string };
  /** Ends every connection and refuses new ones. */
  close(): void;
  /** Lets everything stand: connections stay, nothing gets through. */
  freeze(): void;
  open(): void;
  stop(): Promise<void>;
}

/** @param uri of the database that it leads to */
export async function wayTo(uri: string): Promise<Way> {
  const target = new URL(uri);
  const sockets = new Set<Socket>();
  let state: 'open' | 'closed' | 'frozen' = 'open';
  const server = createServer((near) => {
    if (state === 'closed') {
      near.destroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
      if (state === 'frozen') socket.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = new URL(uri);
  own.hostname = '127.0.0.1';
  own.port = String((server.address() as AddressInfo).port);
  const destroyAll = () => sockets.forEach((socket) => socket.destroy());
  return {
    credentials: { uri: own.href },
    close() {
      state = 'closed';
      destroyAll();
    },
    freeze() {
      state = 'frozen';
      sockets.forEach((socket) => socket.pause());
    },
    open() {
      state = 'open';
      sockets.forEach((socket) => socket.resume());
    },
    async stop() {
      destroyAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
