/** The switch of everything: intake, flights, or both. */
import type { FastifyInstance } from 'fastify';

import type { ProcessingSwitch } from '../../operations/port.ts';
import { check, PROCESSING_BODY } from './input.ts';

/** `POST processing/pause` and `POST processing/resume`; both answer what is paused now. */
export function processingRoutes(
  server: FastifyInstance,
  processing: ProcessingSwitch,
  operator: string,
): void {
  server.post('/processing/pause', async ({ body }) => {
    const { what } = check(PROCESSING_BODY, body, 'body');
    await processing.pause(what, operator);
    return { paused: processing.paused() };
  });

  server.post('/processing/resume', async ({ body }) => {
    const { what } = check(PROCESSING_BODY, body, 'body');
    await processing.resume(what, operator);
    return { paused: processing.paused() };
  });
}
