/** The way to the territory API, which sees each write's request whole, and its answer. */
import { once } from 'node:events';
import { Agent, createServer, request as ask, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Strike } from '../points.ts';
import type { Relay } from '../relay.ts';

/** Protocol `rest`: reads are GET. */
const WRITE = 'PATCH';

export async function relayHttp(url: string, strike: Strike): Promise<Relay> {
  const agent = new Agent({ keepAlive: true });
  const atPoint = async (incoming: IncomingMessage, point: 'before write' | 'after write') =>
    incoming.method === WRITE ? ((await strike(point)) ?? 'pass') : 'pass';

  const server = createServer((incoming, outgoing) => {
    const pass = async (): Promise<void> => {
      const body = await buffer(incoming);
      if ((await atPoint(incoming, 'before write')) === 'drop') throw new Error('struck');
      const { method, headers, url: path } = incoming;
      const further = ask(new URL(path ?? '/', url), { agent, method, headers });
      further.end(body);
      const [answer] = (await once(further, 'response')) as [IncomingMessage];
      const content = await buffer(answer);
      if ((await atPoint(incoming, 'after write')) === 'drop') throw new Error('struck');
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(content);
    };
    // The instance is gone, or the API: either way there is nobody to tell more than that.
    pass().catch(() => incoming.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}
