/** The dead letters: listed, shown, and decided on. */
import type { FastifyInstance } from 'fastify';

import type { DeadLetterDesk, DecisionResult } from '../../operations/port.ts';
import { deadLetterBody, deadLetterJson } from './dead-letter-body.ts';
import {
  check,
  DEAD_LETTERS_QUERY,
  DISCARD_BODY,
  NOTHING,
  REPLAY_BODY,
  REPLAY_MATCHING_BODY,
} from './input.ts';
import { refusal, type Refusal } from './refusal.ts';
import { replayMatching } from './replay-matching.ts';
import { isoTime } from './times.ts';

interface OneDeadLetter {
  Params: { id: string };
}

/** `GET dead-letters`, `GET dead-letters/{id}`, the decisions on one, and the replay of all that match. */
export function deadLetterRoutes(server: FastifyInstance, desk: DeadLetterDesk, operator: string): void {
  server.get('/dead-letters', async ({ query }) => {
    const { items, next } = await desk.list(check(DEAD_LETTERS_QUERY, query, 'query'));
    return { items: items.map(deadLetterBody), next };
  });

  server.get<OneDeadLetter>('/dead-letters/:id', async ({ params, query }, reply) => {
    check(NOTHING, query, 'query');
    const letter = await desk.show(params.id);
    if (!letter) throw unknownDeadLetter();
    return reply.type('application/json; charset=utf-8').send(deadLetterJson(letter));
  });

  server.post('/dead-letters/replay', async ({ body }, reply) => {
    const { filter, note } = check(REPLAY_MATCHING_BODY, body, 'body');
    if (Object.values(filter).every((value) => value === undefined)) throw emptyFilter();
    return reply.code(202).send(await replayMatching(desk, filter, { by: operator, note }));
  });

  server.post<OneDeadLetter>('/dead-letters/:id/replay', async ({ params, body }, reply) => {
    const order = check(REPLAY_BODY, body, 'body');
    return reply.code(202).send(decided(await desk.replay(params.id, { by: operator, ...order })));
  });

  server.post<OneDeadLetter>('/dead-letters/:id/discard', async ({ params, body }) => {
    const order = check(DISCARD_BODY, body, 'body');
    return decided(await desk.discard(params.id, { by: operator, ...order }));
  });
}

/**
 * The body of an accepted decision.
 * @throws Refusal for any other
 */
function decided(result: DecisionResult) {
  switch (result.kind) {
    case 'accepted': {
      const { id, decision, changeId, position } = result;
      return { id, decision, changeId, position };
    }
    case 'unknown':
      throw unknownDeadLetter();
    case 'decided':
      throw refusal(
        {
          status: 409,
          code: 'ALREADY_DECIDED',
          detail: `This dead letter was ${result.state} before.`,
          action: 'None; look at the change to see what became of it.',
        },
        { state: result.state, by: result.by, at: isoTime(result.at) },
      );
    case 'refused':
      throw refusal({ status: 409, code: result.code, detail: result.message, action: result.action });
  }
}

function unknownDeadLetter(): Refusal {
  return refusal({
    status: 404,
    code: 'UNKNOWN_DEAD_LETTER',
    detail: 'There is no dead letter with this id, or it is forgotten.',
    action: 'Look it up in the list of dead letters.',
  });
}

function emptyFilter(): Refusal {
  return refusal({
    status: 400,
    code: 'EMPTY_FILTER',
    detail: 'filter is empty: it would replay every dead letter there is.',
    action: 'Name at least one of reason, territory and failedBefore.',
  });
}
