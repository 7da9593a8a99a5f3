/** The HTTP server: limits, errors as problem details, and the routes that each part adds in a function of its own. */
import type { Socket } from 'node:net';

import { fastify } from 'fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { systemClock, type Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { healthRoutes } from './health.ts';
import type { LivenessSource, ReadinessSource } from './health.ts';
import { metricsRoute, type MetricsSource } from './metrics.ts';
import { operationsRoutes, PATH_ID_LENGTH } from './operations/index.ts';
import type { Operations } from './operations/index.ts';
import { PROBLEM_TYPE, badRequest, internalError, notFound } from './problem.ts';
import type { Problem } from './problem.ts';

export interface HttpServerOptions {
  /** Address to bind. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly log: Log;
  readonly readiness: ReadinessSource;
  /** Default: it lives as long as it answers. */
  readonly liveness?: LivenessSource;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** What stands behind the operations API; without it the API is not served (see `operations/exposure.ts`). */
  readonly operations?: Operations;
  /** Without it the metrics are not served. */
  readonly metrics?: MetricsSource;
}

export interface HttpServer {
  /** @throws HttpListenError */
  listen(): Promise<{ readonly port: number }>;
  /**
   * Takes no new connections, answers what is in flight, then ends. Idle connections are closed at once, and a client that
   * neither sends nor reads on is waited for only a few seconds.
   */
  close(): Promise<void>;
}

/** The port cannot be bound. */
export class HttpListenError extends Error {
  override readonly name = 'HttpListenError';
  readonly code = 'HTTP_LISTEN';
}

/**
 * Cloud Foundry's router keeps connections for 90 s and expects the application to keep them longer, else requests
 * fail now and then (SAP note 3406978).
 */
const KEEP_ALIVE_MS = 95_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** What has not ended so long after the server began to close is cut off: the time that a stop has is the others' as well. */
const CLOSE_LIMIT_MS = 3_000;
const BODY_LIMIT_BYTES = 1_048_576;
/** As much as Cloud Foundry's router lets through. */
const HEADER_LIMIT_BYTES = 65_536;

/** Makes the server; it binds nothing before `listen`. */
export function createHttpServer({
  host,
  port,
  log,
  readiness,
  liveness = () => ({ status: 'UP' }),
  clock = systemClock,
  operations,
  metrics,
}: HttpServerOptions): HttpServer {
  const server = fastify({
    logger: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    bodyLimit: BODY_LIMIT_BYTES,
    // While it closes, the last requests are answered: health is asked until the end.
    return503OnClosing: false,
    routerOptions: { maxParamLength: PATH_ID_LENGTH },
    http: { maxHeaderSize: HEADER_LIMIT_BYTES },
    frameworkErrors: (error, _request, reply) =>
      void send(reply, badRequest(error.statusCode ?? 400, 'The address cannot be read.')),
    clientErrorHandler: answerUnreadable,
  });
  server.setNotFoundHandler((_request, reply) => send(reply, notFound));
  server.setErrorHandler((error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return send(reply, badRequest(status, 'The request cannot be read.'));
    log.error('an HTTP request failed', { method: request.method, route: request.routeOptions.url, error });
    return send(reply, internalError);
  });
  healthRoutes(server, readiness, liveness);
  if (operations) operationsRoutes(server, operations);
  if (metrics) metricsRoute(server, metrics);
  return { listen: () => listen(server, host, port), close: () => close(server, clock) };
}

async function close(server: FastifyInstance, clock: Clock): Promise<void> {
  const cut = clock.after(CLOSE_LIMIT_MS, () => server.server.closeAllConnections());
  try {
    await server.close();
  } finally {
    cut.cancel();
  }
}

async function listen(
  server: FastifyInstance,
  host: string,
  port: number,
): Promise<{ readonly port: number }> {
  try {
    await server.listen({ host, port });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    const why = code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be bound (${code})`;
    throw new HttpListenError(`Port ${port} of ${host} ${why}: set PORT or BIND_HOST.`, { cause });
  }
  const address = server.server.address();
  return { port: typeof address === 'object' && address ? address.port : port };
}

function send(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).header('content-type', PROBLEM_TYPE).send(problem);
}

/** What is not HTTP gets an answer by hand: no request, so no reply, was made of it. */
function answerUnreadable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUS_OF_UNREADABLE[error.code ?? ''] ?? 400;
  const problem = badRequest(status, 'The request cannot be read.');
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: ${PROBLEM_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const STATUS_OF_UNREADABLE: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
