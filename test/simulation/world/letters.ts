/**
 * The dead letters of the shared journal, as a database keeps them: noted from the calls that took effect. It also holds a lane at
 * a dead letter where a flight asked for that, until the dead letter is decided.
 */
import type {
  AppendResult,
  Arrival,
  ChangeArrival,
  Discard,
  JournalLetter,
  JournalLetterDetail,
  LaneCompletion,
  LetterBook,
  LetterDecision,
  UnreadableArrival,
} from '../../../srv/journal/port.ts';

type Content = JournalLetterDetail['content'];

/** What a change was when its lane took it, by lane and position. */
type Placed = ChangeArrival & { readonly position: number };

export interface SimLettersOptions {
  /** Epoch milliseconds of the database. */
  readonly now: () => number;
  readonly laterChanges: (id: string) => Promise<number>;
  /** A lane stops at a dead letter, or goes on since that was decided. */
  readonly held: (territoryId: string, to: 'held' | 'free') => Promise<void>;
}

export class SimLetters implements LetterBook {
  private readonly options: SimLettersOptions;
  private readonly kept = new Map<string, JournalLetterDetail>();
  private readonly decisions = new Map<string, LetterDecision>();
  private readonly placed = new Map<string, Placed>();
  /** Dead letter → lane that stands at it. */
  private readonly holding = new Map<string, string>();

  constructor(options: SimLettersOptions) {
    this.options = options;
  }

  /** A call to the journal took effect. */
  async called(method: string, parts: readonly unknown[], answer: unknown): Promise<void> {
    if (method === 'append')
      await this.appended(parts[0] as readonly Arrival[], answer as readonly AppendResult[]);
    if (method === 'complete')
      await this.completed(parts[0] as readonly LaneCompletion[], answer as ReadonlySet<string>);
    if (method === 'discard' && answer === 'accepted')
      await this.decide((parts[0] as Discard).deadLetterId, 'discard');
  }

  async letters(): Promise<readonly JournalLetter[]> {
    return [...this.kept.values()].map((letter) => this.withDecision(letter)).toReversed();
  }

  async letter(id: string): Promise<JournalLetterDetail | undefined> {
    const letter = this.kept.get(id);
    return letter && { ...this.withDecision(letter), laterChanges: await this.options.laterChanges(id) };
  }

  async letterDecision(id: string): Promise<LetterDecision | undefined> {
    return this.decisions.get(id);
  }

  async openLetters(): Promise<readonly string[]> {
    return this.open().map(({ id }) => id);
  }

  async openLetterCounts(): Promise<ReadonlyMap<string | undefined, number>> {
    const counts = new Map<string | undefined, number>();
    for (const { territoryId } of this.open()) counts.set(territoryId, (counts.get(territoryId) ?? 0) + 1);
    return counts;
  }

  private open(): readonly JournalLetterDetail[] {
    return [...this.kept.values()].filter(({ id }) => !this.decisions.has(id));
  }

  private withDecision(letter: JournalLetterDetail): JournalLetterDetail {
    const decided = this.decisions.get(letter.id);
    return decided ? { ...letter, decided } : letter;
  }

  private async appended(arrivals: readonly Arrival[], results: readonly AppendResult[]): Promise<void> {
    for (const [index, arrival] of arrivals.entries()) {
      const result = results[index];
      if (result?.kind !== 'appended') continue;
      if (arrival.kind === 'unreadable') this.addUnreadable(arrival);
      else
        this.placed.set(placeOf(arrival.change.territoryId, result.position), {
          ...arrival,
          ...result,
          kind: 'change',
        });
      const decided = arrival.kind === 'change' ? arrival.replay?.deadLetterId : arrival.replayOf;
      if (decided !== undefined) await this.decide(decided, 'replay');
    }
  }

  private async completed(lanes: readonly LaneCompletion[], accepted: ReadonlySet<string>): Promise<void> {
    for (const { territoryId, ended } of lanes) {
      if (!accepted.has(territoryId)) continue;
      for (const { position, deadLetterId, reason, holds } of ended) {
        const run = this.placed.get(placeOf(territoryId, position));
        if (deadLetterId === undefined || !run || !reason) continue;
        this.addChange(deadLetterId, run, reason);
        if (!holds) continue;
        this.holding.set(deadLetterId, territoryId);
        await this.options.held(territoryId, 'held');
      }
    }
  }

  private async decide(id: string, action: LetterDecision['action']): Promise<void> {
    if (!this.decisions.has(id)) this.decisions.set(id, { at: this.options.now(), action });
    const territoryId = this.holding.get(id);
    if (territoryId === undefined) return;
    this.holding.delete(id);
    if (![...this.holding.values()].includes(territoryId)) await this.options.held(territoryId, 'free');
  }

  private addChange(id: string, run: Placed, reason: JournalLetter['reason']): void {
    const { change, payload, replay, receivedAt, position } = run;
    this.add(id, replay?.decision ?? 0, reason, change, payload, replay?.firstReceivedAt ?? receivedAt, {
      kind: 'change',
      change,
      digest: payload.digest,
    });
    const letter = this.kept.get(id);
    if (letter) this.kept.set(id, { ...letter, territoryId: change.territoryId, position });
  }

  private addUnreadable({ letter, ref, payload, receivedAt }: UnreadableArrival): void {
    const message = { ...letter.envelope, body: payload.body };
    this.add(letter.id, letter.decision, letter.reason, ref, payload, receivedAt, {
      kind: 'message',
      message,
    });
  }

  private add(
    id: string,
    decision: number,
    reason: JournalLetter['reason'],
    { source, id: changeId }: JournalLetter['ref'],
    { body, contentType }: ChangeArrival['payload'],
    firstReceivedAt: number,
    content: Content,
  ): void {
    this.kept.set(id, {
      id,
      ref: { source, id: changeId },
      decision,
      reason,
      failedAt: this.options.now(),
      attempts: 0,
      conflicts: 0,
      body,
      ...(contentType !== undefined && { contentType }),
      firstReceivedAt,
      history: [],
      laterChanges: 0,
      content,
    });
  }
}

function placeOf(territoryId: string, position: number): string {
  return JSON.stringify([territoryId, position]);
}
