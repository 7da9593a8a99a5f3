/** The path of one event through the program, step by step. */
import type { FastifyInstance } from 'fastify';

import type { ChangePath, LaneDesk } from '../../operations/port.ts';
import { CHANGE_QUERY, check } from './input.ts';
import { refusal } from './refusal.ts';
import { isoTime } from './times.ts';

/** Sources named where an id alone is not enough. */
const NAMED_SOURCES = 100;

/** `GET changes/{id}?source=` */
export function changeRoutes(server: FastifyInstance, lanes: LaneDesk): void {
  server.get<{ Params: { id: string } }>('/changes/:id', async ({ params, query }) => {
    const { source } = check(CHANGE_QUERY, query, 'query');
    const found = await lanes.change(params.id, source);
    switch (found.kind) {
      case 'found':
        return changeBody(found.path);
      case 'unknown':
        throw refusal({
          status: 404,
          code: 'UNKNOWN_CHANGE',
          detail: 'No event with this id is pending or remembered.',
          action: 'Check the id, percent-encoded as one segment of the path, and the source.',
        });
      case 'ambiguous':
        throw refusal(
          {
            status: 409,
            code: 'AMBIGUOUS_ID',
            detail: `${found.sources.length} sources have an event with this id: see sources.`,
            action: 'Ask again with ?source= and one of them.',
          },
          { sources: found.sources.slice(0, NAMED_SOURCES) },
        );
    }
  });
}

function changeBody({ id, source, territoryId, position, state, outcome, decision, steps }: ChangePath) {
  return {
    id,
    source,
    territoryId,
    position,
    state,
    outcome,
    decision,
    steps: steps.map(({ at, step, assignment, detail }) => ({ at: isoTime(at), step, assignment, detail })),
  };
}
