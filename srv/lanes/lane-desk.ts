/**
 * The lanes as operators see them, and the switch of each. With an embedded journal all of it is gone with the process:
 * a pause is over after a restart, and only what came since can be looked up.
 */
import type { ChangeTrail, LaneDetail, LaneState, LaneView, OperatedJournal } from '../journal/port.ts';
import type {
  ChangeLookUp,
  ChangePath,
  DeadLetterDesk,
  LaneDesk,
  Page,
  PageQuery,
  TerritoryDetail,
  TerritoryItem,
} from '../operations/port.ts';
import type { Audit } from './audit.ts';
import { cursorOf, keysIn, pageOf } from './cursor.ts';

export interface JournalLaneDeskOptions {
  readonly journal: Pick<OperatedJournal, 'lanes' | 'lane' | 'pauseLane' | 'resumeLane' | 'trails'>;
  readonly deadLetters: Pick<DeadLetterDesk, 'counts'>;
  /** Name of this instance, shown as the owner of lanes in flight. */
  readonly instance: string;
  readonly audit: Audit;
}

const LIST = 'territories';

const WAITING_FOR: Readonly<Record<LaneState, string | null>> = {
  ready: null,
  'in-flight': null,
  retrying: 'retry',
  resting: 'propagation',
  locked: 'lock',
  held: 'decision',
  paused: 'operator',
};

export class JournalLaneDesk implements LaneDesk {
  private readonly options: JournalLaneDeskOptions;

  constructor(options: JournalLaneDeskOptions) {
    this.options = options;
  }

  async territories({
    state,
    cursor,
    limit,
  }: PageQuery & { readonly state?: LaneState }): Promise<Page<TerritoryItem>> {
    const [after] = keysIn(LIST, cursor, ['string']) ?? [];
    const query = {
      ...(after !== undefined && { after }),
      ...(state !== undefined && { state }),
      limit: limit + 1,
    };
    const lanes = await this.options.journal.lanes(query);
    const { byTerritory } = await this.options.deadLetters.counts();
    const items = lanes.map((lane) => itemOf(lane, byTerritory));
    return pageOf(items, limit, ({ id }) => cursorOf(LIST, [id]));
  }

  async territory(id: string): Promise<TerritoryDetail | undefined> {
    const lane = await this.options.journal.lane(id);
    if (!lane) return undefined;
    const { byTerritory } = await this.options.deadLetters.counts();
    return this.detailOf(lane, byTerritory);
  }

  async change(id: string, source?: string): Promise<ChangeLookUp> {
    const trails = await this.options.journal.trails(id, source);
    const [trail] = trails;
    if (!trail) return { kind: 'unknown' };
    if (trails.length > 1) return { kind: 'ambiguous', sources: trails.map(({ ref }) => ref.source) };
    return { kind: 'found', path: pathOf(trail) };
  }

  async pauseTerritory(id: string, by: string): Promise<void> {
    await this.options.journal.pauseLane(id);
    this.options.audit({ by, what: 'pause territory', to: { territoryId: id } });
  }

  async resumeTerritory(id: string, by: string): Promise<boolean> {
    const resumed = await this.options.journal.resumeLane(id);
    if (resumed) this.options.audit({ by, what: 'resume territory', to: { territoryId: id } });
    return resumed;
  }

  private detailOf(lane: LaneDetail, byTerritory: ReadonlyMap<string, number>): TerritoryDetail {
    return {
      ...itemOf(lane, byTerritory),
      changes: lane.changes.map(({ ref, ...change }) => ({ id: ref.id, source: ref.source, ...change })),
      fence: lane.fence,
      owner: lane.inFlight ? (lane.owner ?? this.options.instance) : null,
    };
  }
}

function itemOf(lane: LaneView, byTerritory: ReadonlyMap<string, number>): TerritoryItem {
  const { territoryId, state, pending } = lane;
  const waitingFor = WAITING_FOR[state];
  return {
    id: territoryId,
    state,
    pending,
    oldestReceivedAt: lane.oldestReceivedAt ?? null,
    waitingFor,
    until: waitingFor !== null && state !== 'paused' ? (lane.waitsUntil ?? null) : null,
    deadLetters: byTerritory.get(territoryId) ?? 0,
  };
}

function pathOf({ ref, territoryId, position, outcome, ...trail }: ChangeTrail): ChangePath {
  return {
    id: ref.id,
    source: ref.source,
    territoryId: territoryId ?? null,
    position: position ?? null,
    outcome: outcome ?? null,
    ...trail,
  };
}
