/**
 * A way from one instance to a server, which reads along: at each point that it sees pass, the instance can be struck while the message
 * is kept back.
 */
import { once } from 'node:events';
import net from 'node:net';
import type { Sighting, Strike } from './points.ts';
import type { Splitter } from './wire/messages.ts';

/** What one connection says, understood. */
export interface Dialogue {
  readonly splitAsked: Splitter;
  readonly splitAnswered: Splitter;
  /** Points at which the instance is with this message; of several that are struck the first counts. */
  readonly asked: (message: Buffer) => readonly Sighting[];
  readonly answered: (message: Buffer) => readonly Sighting[];
}

export interface Relay {
  readonly port: number;
  /** Ends what still goes through it. */
  close(): Promise<void>;
}

export async function relayTo(port: number, dialogue: () => Dialogue, strike: Strike): Promise<Relay> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay();
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        // Not destroyed: what is on its way already arrives, as it does when a process dies.
        other.end();
      });
    }
    const { splitAsked, asked, splitAnswered, answered } = dialogue();
    carry(near, far, splitAsked, asked, strike);
    carry(far, near, splitAnswered, answered, strike);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        sockets.forEach((socket) => socket.destroy());
      }),
  };
}

function carry(
  from: net.Socket,
  to: net.Socket,
  split: Splitter,
  watch: Dialogue['asked'],
  strike: Strike,
): void {
  const waiting: Buffer[] = [];
  let isHeld = false;
  const flow = (): void => {
    for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
      const struck = firstStruck(watch(message), strike);
      if (struck?.sighting.message !== 'held') to.write(message);
      if (struck === undefined) continue;
      isHeld = true;
      void goOnAfter(struck, message);
      return;
    }
  };
  const goOnAfter = async ({ sighting, over }: Struck, message: Buffer): Promise<void> => {
    if ((await over) === 'drop') {
      from.destroy();
      to.end();
      return;
    }
    isHeld = false;
    if (sighting.message === 'held') to.write(message);
    flow();
  };
  from.on('data', (chunk: Buffer) => {
    waiting.push(...split(chunk));
    if (!isHeld) flow();
  });
}

interface Struck {
  readonly sighting: Sighting;
  readonly over: NonNullable<ReturnType<Strike>>;
}

function firstStruck(sightings: readonly Sighting[], strike: Strike): Struck | undefined {
  for (const sighting of sightings) {
    const over = strike(sighting.point);
    if (over !== undefined) return { sighting, over };
  }
  return undefined;
}
