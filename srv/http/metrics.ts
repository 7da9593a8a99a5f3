/** `GET /metrics`: the metrics as Prometheus reads them, for callers on this machine; web pages are kept out. */
import type { FastifyInstance } from 'fastify';

import { PROMETHEUS_TYPE } from '../monitor/metrics/scrape.ts';
import { guardAgainstPages } from './operations/guard.ts';
import { answerRefusals } from './operations/index.ts';

/** Prometheus' text format; never rejects. */
export type MetricsSource = () => Promise<string>;

/** Adds the route, for itself: its guard is its own. */
export function metricsRoute(server: FastifyInstance, metrics: MetricsSource): void {
  void server.register(async (own) => {
    guardAgainstPages(own);
    answerRefusals(own);
    own.get('/metrics', async (_request, reply) =>
      reply
        .headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
        .type(PROMETHEUS_TYPE)
        .send(await metrics()),
    );
  });
}
