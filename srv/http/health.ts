/**
 * Liveness and readiness. Live as long as no restart would help; ready as long as every check is up, so an instance that
 * stands by, or was started paused, is ready. Neither asks anything of the outside: a platform that probes every few
 * seconds must not become load, and an outage of the API must not make it restart the service.
 */
import type { FastifyInstance } from 'fastify';

import type { LivenessCheck } from '../monitor/liveness.ts';

export interface ReadinessCheck {
  readonly name: 'mesh' | 'journal' | 'lock' | 'destination' | 'queue';
  readonly status: 'UP' | 'DOWN';
  /** Since when, epoch milliseconds. */
  readonly since: number;
  /** One line without secrets: anybody may read it. */
  readonly reason?: string;
}

export interface Readiness {
  readonly mode: 'embedded' | 'journal';
  readonly receiver: 'active' | 'standby' | 'paused';
  readonly checks: readonly ReadinessCheck[];
}

/** The state as it is known now; answers at once. */
export type ReadinessSource = () => Readiness;

/** The body of `GET /health/ready`. */
export interface ReadinessBody extends Omit<Readiness, 'checks'> {
  readonly status: 'UP' | 'DOWN';
  readonly checks: readonly (Omit<ReadinessCheck, 'since'> & { readonly since: string })[];
}

function readinessBody({ mode, receiver, checks }: Readiness): ReadinessBody {
  return {
    status: checks.every(({ status }) => status === 'UP') ? 'UP' : 'DOWN',
    mode,
    receiver,
    checks: checks.map(({ name, status, since, reason }) => ({
      name,
      status,
      since: new Date(since).toISOString(),
      ...(reason !== undefined && { reason }),
    })),
  };
}

/** Whether a restart would help, as it is known now; answers at once. */
export type LivenessSource = () => LivenessCheck;

/** `GET /health/live` and `GET /health/ready`, for anybody. */
export function healthRoutes(
  server: FastifyInstance,
  readiness: ReadinessSource,
  liveness: LivenessSource,
): void {
  server.get('/health/live', (_request, reply) => {
    const body = liveness();
    return reply
      .code(body.status === 'UP' ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(body);
  });
  server.get('/health/ready', (_request, reply) => {
    const body = readinessBody(readiness());
    return reply
      .code(body.status === 'UP' ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(body);
  });
}
