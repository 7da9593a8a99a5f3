/**
 * The dead letters where the journal is durable: they are in it, so all instances see the same ones, and one transaction
 * decides each once, whoever asks where. Their copies on the dead-letter queue are for other programs; one that somebody moves
 * back to the work queue is a replay like any other.
 */
import { encodeHistory, type WrittenStep } from '../events/history.ts';
import type { InboundContext } from '../events/inbound.ts';
import type {
  Journal,
  JournalLetter,
  JournalLetterDetail,
  LetterBook,
  LetterDecision,
  OperatedJournal,
  TrailStep,
} from '../journal/port.ts';
import type {
  DeadLetterDesk,
  DeadLetterDetail,
  DeadLetterFilter,
  DeadLetterItem,
  Decision,
  DecisionResult,
  DiscardOrder,
  Page,
  PageQuery,
  ReplayOrder,
} from '../operations/port.ts';
import type { Clock } from '../platform/clock.ts';
import type { Audit } from './audit.ts';
import { cursorOf, keysIn, pageOf } from './cursor.ts';
import { BY_HAND, decidedState, LETTERS_LIST } from './dead-letter-list.ts';
import type { Endings } from './ending.ts';
import { prepareReplay, type ReplayableLetter } from './replay-order.ts';

/** Ids that one filter answers at most: more than are decided in one call. */
const MATCHING_LIMIT = 100_000;

export interface JournalDeadLetterDeskOptions {
  readonly letters: LetterBook;
  readonly journal: Pick<Journal, 'append'>;
  readonly operated: Pick<OperatedJournal, 'deadLetter' | 'discard'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly audit: Audit;
  readonly endings: Pick<Endings, 'discarded'>;
  /** How the events in them are read. */
  readonly inbound: InboundContext;
  /** How long they are kept, milliseconds. */
  readonly lifeMs: number;
}

export class JournalDeadLetterDesk implements DeadLetterDesk {
  private readonly options: JournalDeadLetterDeskOptions;

  constructor(options: JournalDeadLetterDeskOptions) {
    this.options = options;
  }

  async list({
    cursor,
    limit,
    reason,
    territory,
  }: PageQuery & Pick<DeadLetterFilter, 'reason' | 'territory'>): Promise<Page<DeadLetterItem>> {
    const keys = keysIn(LETTERS_LIST, cursor, ['number', 'string']);
    const letters = await this.options.letters.letters({
      ...(keys && { before: { failedAt: keys[0], id: keys[1] } }),
      ...(reason !== undefined && { reason }),
      ...(territory !== undefined && { territory }),
      limit: limit + 1,
    });
    const { items, next } = pageOf(letters, limit, ({ failedAt, id }) =>
      cursorOf(LETTERS_LIST, [failedAt, id]),
    );
    return { items: items.map((letter) => this.itemOf(letter)), next };
  }

  async show(id: string): Promise<DeadLetterDetail | undefined> {
    const letter = await this.options.letters.letter(id);
    if (!letter) return undefined;
    return {
      ...this.itemOf(letter),
      body: letter.body,
      contentType: letter.contentType ?? 'application/octet-stream',
      history: written(letter.history),
      laterChanges: letter.laterChanges,
      decisions: letter.decided ? [decisionOf(letter.decided)] : [],
    };
  }

  async replay(id: string, order: ReplayOrder): Promise<DecisionResult> {
    const letter = await this.options.letters.letter(id);
    if (!letter) return this.decidedOrUnknown(id);
    if (letter.decided) return decidedResult(letter.decided);
    const { inbound, clock } = this.options;
    const prepared = prepareReplay(replayable(letter), order, {
      inbound,
      laterKnown: true,
      nowMs: clock.now(),
    });
    if (prepared.kind === 'refused') return prepared;
    const [result] = await this.options.journal.append([prepared.arrival]);
    switch (result?.kind) {
      case 'appended':
        return this.accepted(letter, 'replay', order, result.position);
      case 'refused':
        return {
          kind: 'refused',
          code: 'INVALID_ASSIGNMENTS',
          message: `The journal cannot take these values: ${result.reason}.`,
          action: 'Replay it with edited assignments that set other values, or discard it.',
        };
      case 'clash':
        return {
          kind: 'refused',
          code: 'INVALID_EVENT',
          message: 'Another payload is known under its source and id.',
          action: 'Publish it corrected under a new id and discard this one.',
        };
      case 'pending':
      case 'duplicate':
      case undefined:
        return this.decidedOrUnknown(id);
    }
  }

  async discard(id: string, order: DiscardOrder): Promise<DecisionResult> {
    const letter = await this.options.letters.letter(id);
    if (!letter) return this.decidedOrUnknown(id);
    if (letter.decided) return decidedResult(letter.decided);
    const { operated, endings } = this.options;
    const known = await operated.deadLetter(id);
    const position = letter.position ?? null;
    const { by, note } = order;
    const messages = endings.discarded({
      deadLetterId: id,
      decision: letter.decision + 1,
      change: letter.ref,
      territoryId: letter.territoryId ?? null,
      position,
      results: known?.results ?? [],
      attempts: letter.attempts,
      conflicts: letter.conflicts,
      receivedAt: letter.firstReceivedAt,
    });
    const taken = await operated.discard({
      deadLetterId: id,
      ref: letter.ref,
      messages,
      decider: { by, note },
    });
    return taken === 'accepted'
      ? this.accepted(letter, 'discard', order, position)
      : this.decidedOrUnknown(id);
  }

  async matching({ reason, territory, failedBefore }: DeadLetterFilter): Promise<readonly string[]> {
    const filter = {
      ...(reason !== undefined && { reason }),
      ...(territory !== undefined && { territory }),
      ...(failedBefore !== undefined && { failedBefore }),
    };
    return this.options.letters.openLetters(filter, MATCHING_LIMIT);
  }

  async counts(): Promise<{ readonly open: number; readonly byTerritory: ReadonlyMap<string, number> }> {
    const counts = await this.options.letters.openLetterCounts();
    const byTerritory = new Map<string, number>();
    let open = 0;
    for (const [territoryId, letters] of counts) {
      open += letters;
      if (territoryId !== undefined) byTerritory.set(territoryId, letters);
    }
    return { open, byTerritory };
  }

  private accepted(
    { id, ref, decision }: JournalLetter,
    action: Decision['action'],
    { by, note }: DiscardOrder,
    position: number | null,
  ): DecisionResult {
    const to = { deadLetterId: id, changeId: ref.id, source: ref.source };
    this.options.audit({ by, what: `${action} dead letter`, why: note, to });
    return { kind: 'accepted', id, decision: decision + 1, changeId: ref.id, position };
  }

  /** Another decision was there first, perhaps so long ago that only its id is kept; or there is no such dead letter. */
  private async decidedOrUnknown(id: string): Promise<DecisionResult> {
    const decision = await this.options.letters.letterDecision(id);
    return decision ? decidedResult(decision) : { kind: 'unknown' };
  }

  private itemOf(letter: JournalLetter): DeadLetterItem {
    // Downward, so that what failed before the time shown is not this one.
    const failedAt = Math.floor(letter.failedAt);
    return {
      id: letter.id,
      territoryId: letter.territoryId ?? null,
      changeId: letter.ref.id,
      source: letter.ref.source,
      reason: letter.reason.code,
      message: letter.reason.message,
      failedAt,
      attempts: letter.attempts,
      conflicts: letter.conflicts,
      state: letter.decided ? decidedState(letter.decided) : 'open',
      expiresAt: failedAt + this.options.lifeMs,
    };
  }
}

function decisionOf({ at, action, decider }: LetterDecision): Decision {
  return { at, action, by: decider?.by ?? BY_HAND, note: decider?.note ?? '' };
}

function decidedResult(made: LetterDecision): DecisionResult {
  const { at, by } = decisionOf(made);
  return { kind: 'decided', state: decidedState(made), by, at };
}

/** In the form in which the copy on the dead-letter queue has them. */
function written(history: readonly TrailStep[]): readonly WrittenStep[] {
  return JSON.parse(encodeHistory(history)) as readonly WrittenStep[];
}

function replayable({ content, ...letter }: JournalLetterDetail): ReplayableLetter {
  const { id, decision, ref, territoryId, position, firstReceivedAt, history, body, contentType } = letter;
  const common = { id, decision, ref, territoryId, position, firstReceivedAt, history: written(history) };
  if (content.kind === 'message') return { ...common, placed: false, original: content.message };
  const { change, digest } = content;
  const original = { body, properties: {}, ...(contentType !== undefined && { contentType }) };
  return { ...common, placed: true, original, ran: { change, digest } };
}
