/** The lanes by territory: what waits in them and why, and the switch of one lane. */
import type { FastifyInstance } from 'fastify';

import type { LaneDesk, TerritoryDetail, TerritoryItem } from '../../operations/port.ts';
import { check, NOTHING, TERRITORIES_QUERY, TERRITORY_PATH } from './input.ts';
import { refusal, type Refusal } from './refusal.ts';
import { isoTime, isoTimeOrNull } from './times.ts';

/** `GET territories`, `GET territories/{id}`, `POST territories/{id}/pause` and `…/resume`. */
export function territoryRoutes(server: FastifyInstance, lanes: LaneDesk, operator: string): void {
  server.get('/territories', async ({ query }) => {
    const { items, next } = await lanes.territories(check(TERRITORIES_QUERY, query, 'query'));
    return { items: items.map(territoryBody), next };
  });

  server.get<{ Params: { id: string } }>('/territories/:id', async ({ params, query }) => {
    check(NOTHING, query, 'query');
    const territory = await lanes.territory(params.id);
    if (!territory) throw unknownTerritory();
    return territoryDetailBody(territory);
  });

  server.post('/territories/:id/pause', async ({ params, body }) => {
    const { id } = check(TERRITORY_PATH, params, 'path');
    check(NOTHING, body, 'body');
    await lanes.pauseTerritory(id, operator);
    return { id, paused: true };
  });

  server.post('/territories/:id/resume', async ({ params, body }) => {
    const { id } = check(TERRITORY_PATH, params, 'path');
    check(NOTHING, body, 'body');
    if (!(await lanes.resumeTerritory(id, operator))) throw unknownTerritory();
    return { id, paused: false };
  });
}

function territoryBody({
  id,
  state,
  pending,
  oldestReceivedAt,
  waitingFor,
  until,
  deadLetters,
}: TerritoryItem) {
  return {
    id,
    state,
    pending,
    oldestReceivedAt: isoTimeOrNull(oldestReceivedAt),
    waitingFor,
    until: isoTimeOrNull(until),
    deadLetters,
  };
}

function territoryDetailBody(territory: TerritoryDetail) {
  return {
    ...territoryBody(territory),
    changes: territory.changes.map(({ id, source, position, receivedAt, assignments, attempts }) => ({
      id,
      source,
      position,
      receivedAt: isoTime(receivedAt),
      assignments,
      attempts,
    })),
    fence: territory.fence,
    owner: territory.owner,
  };
}

function unknownTerritory(): Refusal {
  return refusal({
    status: 404,
    code: 'UNKNOWN_TERRITORY',
    detail: 'There is no lane of this territory: nothing of it is pending, paused or remembered.',
    action: 'Check the id; it is percent-encoded as one segment of the path.',
  });
}
