/**
 * What stands before the API and answers for it, now and then for a while: it refuses whole requests, or those that are large, or
 * leads them astray. Nothing of them reaches a record.
 */
import type { ApiTrouble, UnansweredWrite, WriteRequest } from '../../../srv/territory-api/port.ts';
import type { FaultKind, Faults, Occasion } from './faults.ts';
import type { Timeline } from './timeline.ts';

const LASTS_MS = { min: 500, max: 120_000 };
/** Requests with more records are too large while a limit is set. */
const MOST_RECORDS = { min: 1, max: 9 };

/** How the answers of a wrong path, a wrong method, or somebody's login page are judged. */
const ASTRAY: readonly { readonly trouble: ApiTrouble; readonly sent: boolean }[] = [
  { trouble: { reason: 'not-an-answer', status: 404, message: 'the collection is not found' }, sent: false },
  { trouble: { reason: 'not-an-answer', status: 405, message: 'method not allowed' }, sent: false },
  { trouble: { reason: 'not-an-answer', status: 400, message: 'a page of HTML' }, sent: false },
  { trouble: { reason: 'not-an-answer', status: 200, message: 'a page of HTML' }, sent: true },
  { trouble: { reason: 'unavailable', status: 501, message: 'not implemented' }, sent: true },
];
const FORBIDDEN: ApiTrouble = { reason: 'forbidden', status: 403, message: 'the whole request is forbidden' };

interface Spell {
  readonly untilMs: number;
  readonly drawn: number;
}

export class Gateway {
  private readonly faults: Faults;
  private readonly timeline: Timeline;
  private readonly spells = new Map<FaultKind, Spell>();

  constructor(faults: Faults, timeline: Timeline) {
    this.faults = faults;
    this.timeline = timeline;
  }

  /** Its answer to a read; undefined where it lets it through. */
  read(): ApiTrouble | undefined {
    const drawn = this.present('request-astray')?.drawn ?? 0;
    // Half of what is led astray is so by its method.
    return drawn >= ASTRAY.length ? ASTRAY[drawn - ASTRAY.length]?.trouble : undefined;
  }

  /** Its answer to a write; undefined where it lets it through. */
  write(requests: readonly WriteRequest[], occasion: Occasion): UnansweredWrite | undefined {
    const astray = this.spell('request-astray', 0.004, occasion, [0, 2 * ASTRAY.length], 'again');
    const way = astray && ASTRAY[astray.drawn % ASTRAY.length];
    if (way) return { kind: 'trouble', ...way };
    if (this.spell('request-forbidden', 0.003, occasion, [0, 1], 'again')) {
      return { kind: 'trouble', trouble: FORBIDDEN, sent: false };
    }
    // Once: whoever is refused in two such spells, and others written between, would rightly be blamed.
    if (this.spell('request-refused', 0.003, occasion, [0, 1], 'once')) {
      return { kind: 'refused-whole', status: 400, message: 'refused by a filter' };
    }
    const { min, max } = MOST_RECORDS;
    const limit = this.spell('request-too-large', 0.006, occasion, [min, max], 'again');
    return limit && requests.length > limit.drawn
      ? { kind: 'refused-whole', status: 413, message: 'too large' }
      : undefined;
  }

  private present(kind: FaultKind): Spell | undefined {
    const spell = this.spells.get(kind);
    return spell && spell.untilMs > this.timeline.nowMs ? spell : undefined;
  }

  private spell(
    kind: FaultKind,
    probability: number,
    occasion: Occasion,
    [min, max]: readonly [number, number],
    comes: 'once' | 'again',
  ): Spell | undefined {
    const mayBegin = comes === 'again' ? !this.present(kind) : !this.spells.has(kind);
    if (mayBegin && this.faults.strikes(kind, probability, occasion)) {
      const drawn = this.faults.between(kind, min, max);
      const untilMs = this.timeline.nowMs + this.faults.between(kind, LASTS_MS.min, LASTS_MS.max);
      this.spells.set(kind, { untilMs, drawn });
    }
    return this.present(kind);
  }
}
