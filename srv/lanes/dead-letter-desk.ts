/**
 * The dead letters in embedded mode. They live on their queue, which cannot be looked into: a receiver of its own holds
 * them unsettled, and a decision settles one only when its outcome is safe. A replay is settled when the journal releases
 * it, a discard when the mesh has accepted its event. Whatever ends the process before leaves the dead letter open on
 * its queue. A lost link brings all of them again, under the same ids.
 */
import type { InboundContext } from '../events/inbound.ts';
import { decisionReceipt, type Journal, type OperatedJournal } from '../journal/port.ts';
import type { Delivery, DeliveryHandler, Subscription } from '../mesh/port.ts';
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
import type { Log } from '../platform/log.ts';
import type { Audit } from './audit.ts';
import { DeadLetterDecisions } from './dead-letter-decisions.ts';
import { ExpiryWatch } from './dead-letter-expiry.ts';
import { BY_HAND, byFailure, decidedState, itemOf, matches, pageOfLetters } from './dead-letter-list.ts';
import type { Endings } from './ending.ts';
import { readLetter, type HeldLetter } from './held-letter.ts';
import { HeldLetters } from './held-letters.ts';
import { Receiving } from './receiving.ts';
import { prepareReplay } from './replay-order.ts';

/** Dead letters held at a time; those beyond come when there is room again. */
export const HELD_LETTERS = 1000;
/** Of their bodies. Beyond it nothing more is received until some are decided. */
const HELD_BYTES = 100_000_000;

export interface EmbeddedDeadLetterDeskOptions {
  readonly journal: Pick<Journal, 'append' | 'onReleased'>;
  readonly operated: Pick<OperatedJournal, 'deadLetter' | 'discard'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: Audit;
  readonly endings: Pick<Endings, 'discarded'>;
  /** How the events in them are read. */
  readonly inbound: InboundContext;
  /** How long the queue keeps a message, milliseconds; 0: without end. */
  readonly lifeMs: number;
  /** Told of dead letters that expire soon, and when. Must not throw. */
  readonly onExpiring?: (count: number, when: string) => void;
}

type Open = { readonly kind: 'open'; readonly letter: HeldLetter };

export class EmbeddedDeadLetterDesk implements DeadLetterDesk, DeliveryHandler {
  private readonly options: EmbeddedDeadLetterDeskOptions;
  private readonly held = new HeldLetters();
  private readonly decisions = new DeadLetterDecisions();
  private readonly expiry: ExpiryWatch;
  private readonly stopListening: () => void;
  private receiving: Receiving | undefined;
  /** The link whose deliveries count. */
  private link: number | undefined;

  constructor(options: EmbeddedDeadLetterDeskOptions) {
    this.options = options;
    const letters = () => this.open().map((letter) => this.itemOf(letter));
    this.expiry = new ExpiryWatch({ ...options, letters });
    this.stopListening = options.journal.onReleased((receipt) => this.released(receipt));
  }

  /** Tells what it receives by. */
  bind(subscription: Pick<Subscription, 'pause' | 'resume'>): void {
    this.receiving = new Receiving(subscription);
  }

  start(): void {
    this.expiry.start();
  }

  /** Forgets what is held: it stays on its queue. */
  close(): void {
    this.stopListening();
    this.expiry.stop();
    this.link = undefined;
    this.held.clear();
  }

  /** Receives nothing until `resume`; what is held stays. */
  pause(): void {
    this.receiving?.hold('operator');
  }

  resume(): void {
    this.receiving?.release('operator');
  }

  attached(link: number): void {
    this.link = link;
  }

  delivery(delivery: Delivery): void {
    if (delivery.link !== this.link) return;
    const { clock, inbound } = this.options;
    const letter = readLetter(delivery.message, clock.now(), inbound);
    // Its decision was done while the link was lost, or the mesh has a second copy of it.
    if (this.decisions.isDone(letter.id)) return void delivery.accept();
    this.held.add(letter, delivery);
    if (this.held.sizeBytes > HELD_BYTES) this.receiving?.hold('memory');
  }

  lost(link: number): void {
    if (link !== this.link) return;
    this.link = undefined;
    this.held.clear();
    this.receiving?.release('memory');
  }

  async list(
    query: PageQuery & Pick<DeadLetterFilter, 'reason' | 'territory'>,
  ): Promise<Page<DeadLetterItem>> {
    const items = this.held.all().map((letter) => this.itemOf(letter));
    return pageOfLetters(
      items.filter((item) => matches(item, query)),
      query,
    );
  }

  async show(id: string): Promise<DeadLetterDetail | undefined> {
    const letter = this.held.get(id);
    if (!letter) return undefined;
    const known = await this.options.operated.deadLetter(id);
    const decision = this.decisions.of(id);
    return {
      ...this.itemOf(letter),
      body: letter.body,
      contentType: letter.contentType ?? 'application/octet-stream',
      history: letter.history,
      laterChanges: known?.laterChanges ?? 0,
      decisions: decision ? [decision] : [],
    };
  }

  async replay(id: string, order: ReplayOrder): Promise<DecisionResult> {
    const known = await this.options.operated.deadLetter(id);
    const found = this.find(id);
    if (found.kind !== 'open') return found;
    const { letter } = found;
    const nowMs = this.options.clock.now();
    const { inbound } = this.options;
    const prepared = prepareReplay(letter, order, { inbound, laterKnown: known !== undefined, nowMs });
    if (prepared.kind === 'refused') return prepared;
    return this.decide(letter, { at: nowMs, by: order.by, action: 'replay', note: order.note }, async () => {
      const [result] = await this.options.journal.append([prepared.arrival]);
      return result?.kind === 'appended' ? { position: result.position } : undefined;
    });
  }

  async discard(id: string, order: DiscardOrder): Promise<DecisionResult> {
    const known = await this.options.operated.deadLetter(id);
    const found = this.find(id);
    if (found.kind !== 'open') return found;
    const { letter } = found;
    const nowMs = this.options.clock.now();
    const position = known?.position ?? letter.position ?? null;
    return this.decide(letter, { at: nowMs, by: order.by, action: 'discard', note: order.note }, async () => {
      const messages = this.options.endings.discarded({
        deadLetterId: id,
        decision: letter.decision + 1,
        change: letter.ref,
        territoryId: letter.territoryId ?? null,
        position,
        results: known?.results ?? [],
        attempts: letter.attempts,
        conflicts: letter.conflicts,
        receivedAt: letter.firstReceivedAt ?? letter.seenAt,
      });
      const taken = await this.options.operated.discard({ deadLetterId: id, ref: letter.ref, messages });
      return taken === 'accepted' ? { position } : undefined;
    });
  }

  async matching(filter: DeadLetterFilter): Promise<readonly string[]> {
    const items = this.open().map((letter) => this.itemOf(letter));
    return items
      .filter((item) => matches(item, filter))
      .toSorted(byFailure)
      .map(({ id }) => id);
  }

  async counts(): Promise<{ readonly open: number; readonly byTerritory: ReadonlyMap<string, number> }> {
    const byTerritory = new Map<string, number>();
    const open = this.open();
    for (const { territoryId } of open) {
      if (territoryId !== undefined) byTerritory.set(territoryId, (byTerritory.get(territoryId) ?? 0) + 1);
    }
    return { open: open.length, byTerritory };
  }

  /** Takes note first, so that two orders at a time cannot both be carried out. `record`: undefined where it came too late. */
  private async decide(
    { id, decision, ref }: HeldLetter,
    made: Decision,
    record: () => Promise<{ readonly position: number | null } | undefined>,
  ): Promise<DecisionResult> {
    this.decisions.begin(id, made);
    let recorded: Awaited<ReturnType<typeof record>>;
    try {
      recorded = await record();
    } catch (error) {
      this.decisions.undo(id);
      throw error;
    }
    if (!recorded) {
      // A message that was moved back by hand was there first.
      const first = this.movedByHand();
      this.decisions.begin(id, first);
      return decidedResult(first);
    }
    this.options.audit({
      by: made.by,
      what: `${made.action} dead letter`,
      why: made.note,
      to: { deadLetterId: id, changeId: ref.id, source: ref.source },
    });
    return { kind: 'accepted', id, decision: decision + 1, changeId: ref.id, position: recorded.position };
  }

  private find(id: string): Open | Exclude<DecisionResult, { kind: 'accepted' }> {
    const decision = this.decisions.of(id);
    if (decision) return decidedResult(decision);
    const letter = this.held.get(id);
    if (letter) return { kind: 'open', letter };
    if (this.link !== undefined) return { kind: 'unknown' };
    return {
      kind: 'refused',
      code: 'DEAD_LETTERS_AWAY',
      message: 'The dead-letter queue is not attached, so what is on it is not known.',
      action: 'Try again in a moment; see /health/ready.',
    };
  }

  /** The outcome of a decision is safe: the queue need not keep the dead letter. */
  private released(receipt: string): void {
    const id = deadLetterIn(receipt);
    if (id === undefined) return;
    this.decisions.finish(id, this.movedByHand());
    this.held.settle(id);
    if (this.held.sizeBytes <= HELD_BYTES) this.receiving?.release('memory');
  }

  private movedByHand(): Decision {
    const at = this.options.clock.now();
    return { at, by: BY_HAND, action: 'replay', note: '' };
  }

  private open(): readonly HeldLetter[] {
    return this.held.all().filter(({ id }) => !this.decisions.of(id));
  }

  private itemOf(letter: HeldLetter): DeadLetterItem {
    return itemOf(letter, this.decisions.of(letter.id), this.options.lifeMs);
  }
}

function decidedResult(decision: Decision): Extract<DecisionResult, { kind: 'decided' }> {
  return { kind: 'decided', state: decidedState(decision), by: decision.by, at: decision.at };
}

const RECEIPT_START = decisionReceipt('');

function deadLetterIn(receipt: string): string | undefined {
  return receipt.startsWith(RECEIPT_START) ? receipt.slice(RECEIPT_START.length) : undefined;
}
