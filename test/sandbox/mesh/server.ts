/** The sockets: one HTTP server for upgrades, tokens and management, and on demand one for plain AMQP. */
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Container } from 'rhea';
import type { AmqpEndpoint } from './amqp.ts';
import type { Broker } from './broker.ts';
import type { MeshCounters } from './counters.ts';
import type { Charges } from './faults.ts';
import { readBody, sendAnswer, type Answer, type NoAnswer } from './http-answer.ts';
import type { Lines } from './lines.ts';
import { answerManagement } from './management.ts';
import type { ResolvedOptions } from './options.ts';
import { answerTokenRequest } from './token-endpoint.ts';
import { Waits } from './time.ts';
import type { Tokens } from './tokens.ts';
import { Upgrades } from './upgrades.ts';

/** The management API of Event Mesh itself, and of Integration Suite's. */
const MANAGEMENT_BASES = ['/hub/rest/api/v1/management/messaging', '/sap-event-mesh/rest/api/v1'];
const HOST = '127.0.0.1';

export interface ServerParts {
  readonly options: ResolvedOptions;
  readonly tokens: Tokens;
  readonly charges: Charges;
  readonly counters: MeshCounters;
  readonly broker: Broker;
  readonly lines: Lines;
  readonly amqp: AmqpEndpoint;
  readonly onChange: () => void;
}

export class MeshServer {
  readonly #parts: ServerParts;
  readonly #waits: Waits;
  readonly #http: http.Server;
  readonly #tcp: Server | undefined;
  readonly #upgrades: Upgrades;
  #port: number;
  #tcpPort: number;
  #stopped = false;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    const { options } = parts;
    this.#waits = new Waits(options.clock);
    this.#port = options.port;
    this.#tcpPort = options.tcp?.port ?? 0;
    this.#upgrades = new Upgrades({ ...parts, clock: options.clock, atTokenExpiry: options.atTokenExpiry });
    this.#http = http.createServer((request, response) => void this.#answer(request, response));
    this.#http.on('upgrade', (request, socket, head) =>
      this.#upgrades.handle(request, socket as Socket, head),
    );
    this.#tcp = options.tcp && this.#tcpServer(options.tcp);
  }

  get port(): number {
    return this.#port;
  }

  /** 0 where plain AMQP is not served. */
  get tcpPort(): number {
    return this.#tcpPort;
  }

  upgradeTimesMs(): readonly number[] {
    return this.#upgrades.timesMs;
  }

  /** Listens; the ports found the first time are kept for later ones. */
  async listen(): Promise<void> {
    this.#port = await listenOn(this.#http, this.#port);
    if (this.#tcp) this.#tcpPort = await listenOn(this.#tcp, this.#tcpPort);
  }

  /** Stops listening and cuts every connection. */
  async close(): Promise<void> {
    const servers = [this.#http, this.#tcp].filter((server) => server?.listening);
    const closed = servers.map((server) => new Promise((resolve) => server?.close(resolve)));
    this.#http.closeAllConnections();
    for (const line of this.#parts.lines.all()) line.drop();
    await Promise.all(closed);
  }

  /** As if the process ended and came back after `downMs`. */
  async restart(downMs: number): Promise<void> {
    await this.close();
    if (downMs > 0) await this.#waits.wait(downMs);
    if (!this.#stopped) await this.listen();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waits.stop();
    await this.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      sendAnswer(response, await this.#route(request));
    } catch (error) {
      sendAnswer(response, { status: 500, body: { message: String(error) } });
    }
    this.#parts.onChange();
  }

  async #route(request: IncomingMessage): Promise<Answer | NoAnswer> {
    const path = request.url?.split('?')[0] ?? '/';
    if (path === '/oauth/token') return answerTokenRequest(request, { ...this.#parts, waits: this.#waits });
    const base = MANAGEMENT_BASES.find((candidate) => path.startsWith(`${candidate}/`));
    return base === undefined ? { status: 404 } : this.#manage(request, path.slice(base.length));
  }

  async #manage(request: IncomingMessage, path: string): Promise<Answer> {
    const { broker, charges, counters, tokens } = this.#parts;
    counters.managementRequests += 1;
    const refusal = charges.managementRefusal.take();
    const body = await readBody(request);
    if (refusal) {
      const { status, retryAfterS } = refusal;
      return {
        status,
        ...(retryAfterS !== undefined && { headers: { 'retry-after': String(retryAfterS) } }),
      };
    }
    if (tokens.remainingMs(request.headers.authorization) === 0) return { status: 401 };
    if (body === undefined) return { status: 413 };
    return answerManagement(broker, { method: request.method ?? 'GET', path, body });
  }

  #tcpServer(options: NonNullable<ResolvedOptions['tcp']>): Server {
    const container = this.#parts.amqp.container({
      plain: (user, password) => user === options.user && password === options.password,
      anonymous: options.anonymous,
    });
    const welcome = (socket: Socket) => this.#welcome(container, socket);
    if (!options.tls) return net.createServer({ noDelay: true }, welcome);
    const server = tls.createServer({ ...options.tls, noDelay: true }, welcome);
    server.on('tlsClientError', () => {});
    return server;
  }

  #welcome(container: Container, socket: Socket): void {
    const { charges, lines, amqp } = this.#parts;
    const line = lines.add(socket);
    lines.accept(line);
    if (charges.openHang.take()) socket.resume();
    else amqp.acceptTcp(container, line);
  }
}

async function listenOn(server: Server, port: number): Promise<number> {
  server.listen(port, HOST);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
