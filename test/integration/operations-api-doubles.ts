/** What stands behind the operations API, in memory: plain lists that a test fills, and a record of what was decided. */
import type { LaneState } from '../../srv/journal/port.ts';
import type { ActivityFigures } from '../../srv/monitor/activity.ts';
import type { Summary } from '../../srv/http/operations/summary.ts';
import {
  UnknownCursor,
  type ChangeLookUp,
  type DeadLetterDesk,
  type DeadLetterDetail,
  type DecisionResult,
  type DiscardOrder,
  type LaneDesk,
  type Page,
  type PageQuery,
  type Pausable,
  type ProcessingSwitch,
  type ReplayOrder,
  type TerritoryDetail,
} from '../../srv/operations/port.ts';

export const NOON_MS = Date.UTC(2026, 10, 22, 12);
export const NOON = '2026-11-22T12:00:00.000Z';

export function territory(id: string, state: LaneState = 'ready'): TerritoryDetail {
  return {
    id,
    state,
    pending: 1,
    oldestReceivedAt: NOON_MS,
    waitingFor: null,
    until: null,
    deadLetters: 0,
    changes: [{ id: 'c1', source: '/crm', position: 7, receivedAt: NOON_MS, assignments: 2, attempts: 1 }],
    fence: 3,
    owner: null,
  };
}

export function deadLetter(id: string, parts: Partial<DeadLetterDetail> = {}): DeadLetterDetail {
  return {
    id,
    territoryId: 'EMEA',
    changeId: `change of ${id}`,
    source: '/crm',
    reason: 'CONFLICT_LIMIT',
    message: 'T001 was changed by others',
    failedAt: NOON_MS,
    attempts: 6,
    conflicts: 6,
    state: 'open',
    expiresAt: null,
    body: Buffer.from('{"a":1}'),
    contentType: 'application/json',
    history: [{ at: NOON, step: 'sent' }],
    laterChanges: 2,
    decisions: [],
    ...parts,
  };
}

/** Cursors are the index of the next item, as text. */
function pageOf<T>(items: readonly T[], { cursor, limit }: PageQuery): Page<T> {
  const start = cursor === undefined ? 0 : Number(cursor);
  if (!Number.isSafeInteger(start)) throw new UnknownCursor('not a number');
  const end = start + limit;
  return { items: items.slice(start, end), next: end < items.length ? String(end) : null };
}

export class DeadLetterDeskDouble implements DeadLetterDesk {
  letters: DeadLetterDetail[] = [];
  readonly orders: { readonly id: string; readonly order: ReplayOrder | DiscardOrder }[] = [];
  /** Instead of what would follow from the lists, by id. */
  readonly answers = new Map<string, DecisionResult>();

  async list(query: Parameters<DeadLetterDesk['list']>[0]) {
    const { reason, territory: wanted } = query;
    const fitting = this.letters.filter(
      (letter) =>
        (reason === undefined || letter.reason === reason) &&
        (wanted === undefined || letter.territoryId === wanted),
    );
    return pageOf(fitting, query);
  }

  async show(id: string) {
    return this.letters.find((letter) => letter.id === id);
  }

  async replay(id: string, order: ReplayOrder) {
    return this.decide(id, order);
  }

  async discard(id: string, order: DiscardOrder) {
    return this.decide(id, order);
  }

  async matching(filter: Parameters<DeadLetterDesk['matching']>[0]) {
    const { failedBefore = Infinity } = filter;
    const { items } = await this.list({ ...filter, limit: Infinity });
    return items.filter(({ failedAt }) => failedAt < failedBefore).map(({ id }) => id);
  }

  async counts() {
    return { open: this.letters.length, byTerritory: new Map<string, number>() };
  }

  private decide(id: string, order: ReplayOrder | DiscardOrder): DecisionResult {
    this.orders.push({ id, order });
    const letter = this.letters.find((one) => one.id === id);
    const accepted = {
      kind: 'accepted',
      id,
      decision: 1,
      changeId: letter?.changeId ?? '',
      position: 7,
    } as const;
    return this.answers.get(id) ?? (letter ? accepted : { kind: 'unknown' });
  }
}

export class LaneDeskDouble implements LaneDesk {
  lanes: TerritoryDetail[] = [];
  readonly paths = new Map<string, ChangeLookUp>();
  readonly asked: (readonly [id: string, source: string | undefined])[] = [];
  readonly paused = new Set<string>();

  async territories(query: PageQuery & { readonly state?: LaneState }) {
    return pageOf(
      this.lanes.filter(({ state }) => query.state === undefined || query.state === state),
      query,
    );
  }

  async territory(id: string) {
    return this.lanes.find((lane) => lane.id === id);
  }

  async change(id: string, source?: string): Promise<ChangeLookUp> {
    this.asked.push([id, source]);
    return this.paths.get(id) ?? { kind: 'unknown' };
  }

  async pauseTerritory(id: string) {
    this.paused.add(id);
  }

  async resumeTerritory(id: string) {
    return this.paused.delete(id);
  }
}

export class ProcessingSwitchDouble implements ProcessingSwitch {
  private readonly stopped = new Set<Pausable>();

  async pause(what: readonly Pausable[]) {
    for (const part of what) this.stopped.add(part);
  }

  async resume(what: readonly Pausable[]) {
    for (const part of what) this.stopped.delete(part);
  }

  paused() {
    return { intake: this.stopped.has('intake'), flights: this.stopped.has('flights') };
  }
}

const QUIET: ActivityFigures = {
  rates: { receivedPerMinute: 0, completedPerMinute: 0, apiRequestsPerMinute: 0 },
  conflicts: { rate: 0, writes: 0, conflicted: 0, windowSeconds: 300, alert: false },
  locks: { taken: 0, waitedMs: 0 },
  perMinute: [],
};

export const SUMMARY: Summary = {
  at: NOON_MS,
  mode: 'embedded',
  receiver: 'active',
  instances: 1,
  journal: {
    pendingChanges: 0,
    lanes: { ready: 0, 'in-flight': 0, retrying: 0, resting: 0, locked: 0, held: 0, paused: 0 },
    outboxUnsent: 0,
  },
  deadLetters: 0,
  activity: QUIET,
  batchSize: 50,
  breaker: { state: 'closed', since: NOON_MS },
  quota: { used: 0 },
  mesh: { state: 'open', since: NOON_MS },
  paused: { intake: false, flights: false },
};
