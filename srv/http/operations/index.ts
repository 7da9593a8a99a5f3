/** The operations API under `/api/v1`: JSON, errors as problem details; for callers on this machine only. */
import type { FastifyError, FastifyInstance } from 'fastify';

import { LIMITS } from '../../events/limits.ts';
import { JournalUnavailable } from '../../journal/port.ts';
import {
  UnknownCursor,
  type DeadLetterDesk,
  type LaneDesk,
  type ProcessingSwitch,
} from '../../operations/port.ts';
import { PROBLEM_TYPE } from '../problem.ts';
import { changeRoutes } from './changes.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { guardAgainstPages } from './guard.ts';
import { acceptJson } from './json-body.ts';
import { processingRoutes } from './processing.ts';
import { Refusal, refusal } from './refusal.ts';
import { summaryRoutes, type SummarySource } from './summary.ts';
import { territoryRoutes } from './territories.ts';

/** What stands behind the API. */
export interface Operations {
  readonly deadLetters: DeadLetterDesk;
  readonly lanes: LaneDesk;
  readonly processing: ProcessingSwitch;
  readonly summary: SummarySource;
}

const OPERATIONS_PREFIX = '/api/v1';

/** Longest id in a path, decoded: that of an event. A longer one is of nothing that this program knows. */
export const PATH_ID_LENGTH = LIMITS.eventIdLength;

/** Who decides. Everybody on this machine is the same person to the API: it does not know users. */
const LOCAL_OPERATOR = 'local';

/** Adds the routes, for themselves: their hooks, parsers and error handler are theirs alone. */
export function operationsRoutes(server: FastifyInstance, operations: Operations): void {
  const { deadLetters, lanes, processing, summary } = operations;
  void server.register(
    async (api) => {
      guardAgainstPages(api);
      acceptJson(api);
      answerRefusals(api);
      api.addHook('onSend', async (_request, reply) => {
        reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
      });
      summaryRoutes(api, summary);
      territoryRoutes(api, lanes, LOCAL_OPERATOR);
      changeRoutes(api, lanes);
      deadLetterRoutes(api, deadLetters, LOCAL_OPERATOR);
      processingRoutes(api, processing, LOCAL_OPERATOR);
    },
    { prefix: OPERATIONS_PREFIX },
  );
}

/** Refusals are answered as problem details; everything else is left to the server. */
export function answerRefusals(api: FastifyInstance): void {
  api.setErrorHandler((error: FastifyError, _request, reply) => {
    const known = refusalOf(error);
    // Everything else is the server's to answer and to log.
    if (!known) throw error;
    return reply.code(known.body.status).header('content-type', PROBLEM_TYPE).send(known.body);
  });
}

function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof UnknownCursor) {
    return refusal({
      status: 400,
      code: error.code,
      detail: 'cursor is not one that this service gave, or it is not valid any more.',
      action: 'Read the list again from its beginning.',
    });
  }
  if (error instanceof JournalUnavailable) {
    return refusal({
      status: 503,
      code: error.code,
      detail: 'The journal cannot be used now.',
      action: 'Ask again in a moment; see /health/ready.',
    });
  }
  return undefined;
}
