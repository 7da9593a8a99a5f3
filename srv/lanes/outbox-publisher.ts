/**
 * Publishes outcome events and dead letters until the mesh accepts them. Ids are stable, so a repeated one can be told;
 * no order among them is promised. An outcome event that the mesh refuses for good is parked, a dead letter never: one that is
 * too large goes in a smaller form.
 */
import { withoutBody, withoutHistory } from '../events/dead-letter.ts';
import type { Journal, OutboxMessage } from '../journal/port.ts';
import type { Mesh, OutgoingMessage, PublishResult } from '../mesh/port.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import { sleep } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';

/** Messages on their way at a time, with those that wait to be sent again. */
const IN_FLIGHT_LIMIT = 200;
/** Of one kind: where the mesh takes none of it, there is room left for the other, which is not kept waiting by it. */
const KIND_LIMIT = 150;
const KINDS: readonly OutboxMessage['kind'][] = ['outcome', 'dead-letter'];
/** Wait before an unconfirmed message is sent again, and before a refused dead letter is. */
const RESEND_MS = 1000;
const REFUSED_RESEND_MS = 30_000;

/** The only refusal that shows that the body is to blame: any other may be over by the next time. */
const TOO_LARGE = 'amqp:link:message-size-exceeded';

export interface OutboxPublisherOptions {
  readonly journal: Pick<Journal, 'durability' | 'takeUnsent' | 'markSent' | 'park' | 'giveBack' | 'onWork'>;
  readonly mesh: Pick<Mesh, 'publish'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of each outcome event that was refused for good. Must not throw. */
  readonly onRefused?: (reason: string) => void;
}

export class OutboxPublisher {
  private readonly options: OutboxPublisherOptions;
  private readonly sending = new Map<Promise<void>, OutboxMessage['kind']>();
  /** No wait that can be long is worth it any more. */
  private readonly ending = new AbortController();
  private readonly stopping = new AbortController();
  private stopListening: (() => void) | undefined;
  private timer: Timer | undefined;
  private pumping = false;
  private again = false;
  /** The latest look into the outbox; never rejects. */
  private pumped: Promise<void> = Promise.resolve();

  constructor(options: OutboxPublisherOptions) {
    this.options = options;
  }

  start(): void {
    this.stopListening = this.options.journal.onWork(() => void this.pump());
    void this.pump();
  }

  /** Goes on publishing for at most `patienceMs`, as long as anything is unsent and the mesh takes it. */
  async stop(patienceMs: number): Promise<void> {
    this.ending.abort();
    const drained = new AbortController();
    const draining = this.drain().finally(() => drained.abort());
    await Promise.race([draining, sleep(this.options.clock, patienceMs, drained.signal)]);
    this.stopping.abort();
    this.stopListening?.();
    this.timer?.cancel();
  }

  /** Until nothing is left that can be sent. Never rejects. */
  private async drain(): Promise<void> {
    for (;;) {
      await this.pump();
      if (this.sending.size === 0 || this.stopping.signal.aborted) return;
      await Promise.race(this.sending.keys());
    }
  }

  /** Sends what there is room for; ends when a look that began no earlier has ended. */
  private pump(): Promise<void> {
    this.again = true;
    if (!this.pumping) this.pumped = this.pumpOn();
    return this.pumped;
  }

  private async pumpOn(): Promise<void> {
    this.pumping = true;
    try {
      while (this.again && !this.stopping.signal.aborted) {
        this.again = false;
        await this.fill();
      }
    } catch (error) {
      this.options.log.error('The outbox cannot be read; tried again shortly', { error });
      this.timer?.cancel();
      if (!this.stopping.signal.aborted)
        this.timer = this.options.clock.after(RESEND_MS, () => void this.pump());
    } finally {
      this.pumping = false;
    }
  }

  /** Takes as many as there is room for, of the kinds that have not taken up theirs. */
  private async fill(): Promise<void> {
    const { journal } = this.options;
    const rooms = KINDS.map((kind) => ({ kind, room: KIND_LIMIT - this.countOf(kind) }));
    const open = rooms.filter(({ room }) => room > 0);
    const room = Math.min(IN_FLIGHT_LIMIT - this.sending.size, ...open.map((one) => one.room));
    if (room <= 0) return;
    const messages = await journal.takeUnsent(
      room,
      open.map(({ kind }) => kind),
    );
    if (this.stopping.signal.aborted && messages.length > 0)
      return journal.giveBack(messages.map(({ id }) => id));
    for (const message of messages) this.send(message);
    // Perhaps there is more than one look may take.
    if (messages.length === room) this.again = true;
  }

  private countOf(kind: OutboxMessage['kind']): number {
    return [...this.sending.values()].filter((one) => one === kind).length;
  }

  private send(message: OutboxMessage): void {
    const sending = this.publish(message)
      .catch((error: unknown) =>
        this.options.log.error('A message of the outbox could not be recorded; it may be sent twice', {
          error,
        }),
      )
      .finally(() => {
        this.sending.delete(sending);
        void this.pump();
      });
    this.sending.set(sending, message.kind);
  }

  private async publish({ id, kind, message }: OutboxMessage): Promise<void> {
    const { journal, log, clock } = this.options;
    const result = await this.deliver(kind, message);
    if (result.kind === 'accepted') return journal.markSent([id]);
    if (result.kind === 'unconfirmed') {
      await sleep(clock, RESEND_MS, this.stopping.signal);
      return journal.giveBack([id]);
    }
    const refusal = { id, to: message.to.name, condition: result.condition, reason: result.reason };
    if (kind === 'outcome') {
      log.error('The mesh refuses an outcome event for good; it is parked', refusal);
      this.options.onRefused?.(result.reason);
      return journal.park ? journal.park([id]) : journal.markSent([id]);
    }
    log.error('The mesh refuses a dead letter; it is kept and sent again, since it would be lost', refusal);
    await sleep(clock, REFUSED_RESEND_MS, this.ending.signal);
    // At the end it stays taken, so that it is not taken again at once: a durable journal gives it back when it closes.
    if (!this.ending.signal.aborted) await journal.giveBack([id]);
  }

  /**
   * A dead letter that the broker refuses with its history goes without it: the original bytes are what matters. Where even
   * these are too large, what is known of it goes without them, so that it is not tried for ever while its delivery waits.
   */
  private async deliver(kind: OutboxMessage['kind'], message: OutgoingMessage): Promise<PublishResult> {
    const result = await this.options.mesh.publish(message);
    if (result.kind !== 'refused' || kind !== 'dead-letter') return result;
    const shorter = withoutHistory(message);
    const hasHistory = message.properties?.['history'] !== undefined;
    const again = hasHistory ? await this.options.mesh.publish(shorter) : result;
    if (again.kind !== 'refused' || again.condition !== TOO_LARGE) return again;
    const last = await this.options.mesh.publish(withoutBody(shorter));
    if (last.kind === 'accepted') this.tellOmitted(message);
    return last;
  }

  private tellOmitted({ messageId, body, properties = {} }: OutgoingMessage): void {
    const { source, id } = properties;
    const bytes = { deadLetterId: messageId, source, id, sizeBytes: body.length };
    if (this.options.journal.durability === 'journal') {
      this.options.log.warn(
        'The mesh takes no dead letter this large: its copy has no body, the journal keeps it',
        bytes,
      );
    } else {
      this.options.log.error(
        'The mesh takes no dead letter this large: its copy has no body, and nothing else keeps it; have its source send it again in parts',
        bytes,
      );
    }
  }
}
