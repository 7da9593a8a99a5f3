/** What operators ask and decide of lanes, changes and dead letters. */
import type { AssignmentResult } from '../../events/outcome.ts';
import type {
  ChangeTrail,
  Discard,
  KnownDeadLetter,
  LaneDetail,
  LaneQuery,
  LaneView,
  OperatedJournal,
} from '../port.ts';
import type { Announcements } from './announcements.ts';
import type { Database } from './database.ts';
import { recordDiscard } from './decide.ts';
import { laneDetailOf, laneViewOf, trailOf, unreadableTrailOf } from './views.ts';

/** Changes of one lane that are shown. */
const SHOWN_CHANGES = 200;

export class OperatedLanes implements OperatedJournal {
  private readonly database: Database;
  private readonly announcements: Pick<Announcements, 'tell'>;

  constructor(database: Database, announcements: Pick<Announcements, 'tell'>) {
    this.database = database;
    this.announcements = announcements;
  }

  async lanes({ after, state, limit }: LaneQuery): Promise<readonly LaneView[]> {
    return (await this.database.run('operated/lanes', [after ?? null, state ?? null, limit])).map(laneViewOf);
  }

  async lane(territoryId: string): Promise<LaneDetail | undefined> {
    const [row] = await this.database.run('operated/lane', [territoryId]);
    return (
      row && laneDetailOf(row, await this.database.run('operated/lane-changes', [territoryId, SHOWN_CHANGES]))
    );
  }

  async pauseLane(territoryId: string): Promise<void> {
    await this.database.run('operated/pause', [territoryId]);
  }

  async resumeLane(territoryId: string): Promise<boolean> {
    const rows = await this.database.run('operated/resume', [territoryId]);
    this.announcements.tell();
    return rows.length > 0;
  }

  async trails(id: string, source?: string): Promise<readonly ChangeTrail[]> {
    const runs = (await this.database.run('operated/trails', [id, source ?? null])).map(trailOf);
    // What could not be read, and was edited, has a run of its own; first comes the event whose source and id it claims.
    const trails = runs.filter(
      ({ ref }, at) => runs.findIndex((run) => run.ref.source === ref.source) === at,
    );
    const unreadable = await this.database.run('operated/unreadable-trails', [id, source ?? null]);
    // An impostor takes nothing from the event whose source and id it has.
    const known = new Set(trails.map(({ ref }) => ref.source));
    return [...trails, ...unreadable.map(unreadableTrailOf).filter(({ ref }) => !known.has(ref.source))];
  }

  async deadLetter(deadLetterId: string): Promise<KnownDeadLetter | undefined> {
    const [row] = await this.database.run('operated/dead-letter', [deadLetterId]);
    if (!row) return undefined;
    const results = row['results'] as readonly (AssignmentResult | null)[];
    return {
      position: Number(row['position']),
      results: results.flatMap((result) => result ?? []),
      laterChanges: row['later_changes'] as number,
    };
  }

  async discard(order: Discard): Promise<'accepted' | 'decided'> {
    const decided = await this.database.transaction(({ run }) => recordDiscard(run, order));
    this.announcements.tell();
    return decided;
  }
}
