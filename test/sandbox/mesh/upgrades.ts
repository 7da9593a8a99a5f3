/** The WebSocket upgrade: who is let in, and the ways in which a gateway does not let in. */
import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer, type ServerOptions } from 'ws';
import type { AmqpEndpoint } from './amqp.ts';
import type { MeshCounters } from './counters.ts';
import type { Charges, UpgradeRefusal } from './faults.ts';
import type { Line } from './line.ts';
import type { Lines } from './lines.ts';
import type { MeshClock } from './time.ts';
import type { Tokens } from './tokens.ts';

export const AMQP_PATH = '/protocols/amqp10ws';
const SUBPROTOCOL = 'amqp';

export interface UpgradeOptions {
  readonly tokens: Tokens;
  readonly charges: Charges;
  readonly counters: MeshCounters;
  readonly lines: Lines;
  readonly amqp: AmqpEndpoint;
  readonly clock: MeshClock;
  readonly atTokenExpiry: 'keep' | 'close';
}

const MAX_TIMES = 10_000;
/** `closeTimeout` is newer than the typings of ws. */
const WEB_SOCKET: ServerOptions & { closeTimeout: number } = {
  noServer: true,
  // A peer that does not answer our Close is cut off; the default is half a minute.
  closeTimeout: 1_000,
  handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
};

export class Upgrades {
  /** When requests arrived, monotonic milliseconds, oldest first; the latest 10 000. */
  readonly timesMs: number[] = [];
  readonly #options: UpgradeOptions;
  readonly #server = new WebSocketServer(WEB_SOCKET);

  constructor(options: UpgradeOptions) {
    this.#options = options;
  }

  /** Handles one `upgrade` event of the HTTP server. */
  handle(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { charges, counters, lines } = this.#options;
    counters.upgrades += 1;
    this.timesMs.push(this.#options.clock.monotonicMs());
    if (this.timesMs.length > MAX_TIMES) this.timesMs.shift();
    const line = lines.add(socket);
    const action = charges.stages.upgrade.take();
    if (action === 'drop') return line.drop();
    const hang = action === 'silence' ? 'no-answer' : charges.upgradeHang.take();
    if (hang) return this.#leaveHanging(socket, hang);
    const refusal = charges.upgradeRefusal.take() ?? this.#refusal(request);
    if (refusal) return this.#refuse(line, refusal);
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      lines.accept(line);
      ws.on('error', () => line.drop());
      if (charges.openHang.take()) return;
      this.#options.amqp.acceptWebSocket(ws, line);
      this.#watchToken(request, line);
    });
  }

  #refusal(request: IncomingMessage): UpgradeRefusal | undefined {
    const path = request.url?.split('?')[0];
    if (path !== AMQP_PATH) return { status: 404 };
    if (this.#options.tokens.remainingMs(request.headers.authorization) === 0) return { status: 401 };
    const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
    return offered?.includes(SUBPROTOCOL) ? undefined : { status: 400 };
  }

  #refuse(line: Line, { status, retryAfterS }: UpgradeRefusal): void {
    this.#options.counters.upgradesRefused += 1;
    this.#options.lines.refuse(line);
    const retryAfter = retryAfterS === undefined ? '' : `Retry-After: ${retryAfterS}\r\n`;
    // The rest of what the client sends is read and forgotten, so that its own close is noticed.
    line.socket.resume();
    line.socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\n${retryAfter}Content-Length: 0\r\nConnection: close\r\n\r\n`,
    );
  }

  #leaveHanging(socket: Socket, manner: 'no-answer' | 'truncated'): void {
    socket.once('end', () => socket.destroy());
    socket.resume();
    if (manner === 'truncated') {
      socket.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\n<html>');
    }
  }

  #watchToken(request: IncomingMessage, line: Line): void {
    if (this.#options.atTokenExpiry === 'keep') return;
    const remainingMs = this.#options.tokens.remainingMs(request.headers.authorization);
    const timer = this.#options.clock.after(remainingMs, () => {
      const peer = this.#options.amqp.peers().find((candidate) => candidate.line === line);
      peer?.closeConnection({
        condition: 'amqp:unauthorized-access',
        description: 'the access token has expired',
      });
    });
    line.socket.once('close', () => timer.cancel());
  }
}
