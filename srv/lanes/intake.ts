/**
 * From deliveries to the journal: parsed, appended in delivery order in batches, one append at a time, then settled.
 * After a failed append nothing that was received on that link is appended or settled any more: a later batch would
 * overtake the failed one. The link is given up instead, and the mesh delivers everything again in order; not before the journal answers,
 * since brokers count deliveries, and some take away what was delivered too often.
 */
import type { AppendResult, Journal } from '../journal/port.ts';
import { JournalUnavailable, receiptOf } from '../journal/port.ts';
import type { Delivery, DeliveryHandler, Subscription } from '../mesh/port.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Arrivals, ReadArrival } from './arrivals.ts';
import { Receipts } from './receipts.ts';
import type { Receiving } from './receiving.ts';

/** A batch is appended when it is this large or this old. */
const BATCH_LIMIT = 200;
const BATCH_AGE_MS = 5;
/** While the journal does not answer it is asked so often whether it does. */
const PROBE_MS = 1000;
/** And as often as this the link is given up meanwhile: perhaps another instance reaches the journal. */
const PROBES_PER_LINK = 60;

export interface IntakeOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  readonly arrivals: Arrivals;
}

interface Received {
  readonly delivery: Delivery;
  readonly arrival: ReadArrival;
}

export class Intake implements DeliveryHandler {
  private readonly options: IntakeOptions;
  private readonly receipts = new Receipts();
  private readonly stopListening: () => void;
  private subscription: Pick<Subscription, 'restart'> | undefined;
  private receiving: Pick<Receiving, 'hold' | 'release'> | undefined;
  private stopped = false;
  private batch: Received[] = [];
  private appending = false;
  /** The next batch is appended as soon as the present one is. */
  private isDue = false;
  private timer: Timer | undefined;
  private beganAtMs: number | undefined;
  private hasDelivered = false;
  /** The link whose deliveries count; those of any other are left to be delivered again. */
  private link: number | undefined;
  /** Until the journal is asked again. */
  private probe: Timer | undefined;
  /** Everything that touches the journal happens one after the other. */
  private work: Promise<void> = Promise.resolve();

  constructor(options: IntakeOptions) {
    this.options = options;
    this.stopListening = options.journal.onReleased((receipt) => this.receipts.settle(receipt));
  }

  /** Deliveries that are received and not settled. */
  get unsettled(): number {
    return this.receipts.size + this.batch.length;
  }

  /** The queue is attached, so what is in it comes to this instance. */
  get isAttached(): boolean {
    return this.link !== undefined;
  }

  /**
   * Since when this instance is sure not to have been a standby, monotonic milliseconds: the first delivery of the latest attachment,
   * the attachment itself before. A standby attaches long before it becomes the receiver, and only the receiver is delivered to.
   */
  get receivingSinceMs(): number | undefined {
    return this.beganAtMs;
  }

  /** Tells whom to ask for a new link after a failed append, and to hold back deliveries until the journal answers. */
  bind(subscription: Pick<Subscription, 'restart'>, receiving: Pick<Receiving, 'hold' | 'release'>): void {
    this.subscription = subscription;
    this.receiving = receiving;
  }

  attached(link: number): void {
    this.link = link;
    this.hasDelivered = false;
    this.beganAtMs = this.options.clock.monotonicMs();
  }

  delivery(delivery: Delivery): void {
    if (this.stopped || delivery.link !== this.link) return;
    if (!this.hasDelivered) this.beganAtMs = this.options.clock.monotonicMs();
    this.hasDelivered = true;
    const arrival = this.options.arrivals.read(delivery.message, this.options.clock.now());
    this.batch.push({ delivery, arrival });
    if (this.batch.length >= BATCH_LIMIT) this.flush();
    else this.timer ??= this.options.clock.after(BATCH_AGE_MS, () => this.flush());
  }

  lost(link: number): void {
    if (link === this.link) this.abandonLink();
  }

  /** Appends what has been received so far, and takes nothing more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.probe?.cancel();
    this.flush();
    while (this.appending) await this.work;
    await this.work;
  }

  /** Forgets the deliveries that still wait: they stay unsettled, so the mesh keeps their messages. */
  close(): void {
    this.stopListening();
    this.receipts.clear();
  }

  /**
   * What arrives during an append goes together into the next one: appends that are slower than deliveries would else queue up, each
   * with the few that came within `BATCH_AGE_MS`.
   */
  private flush(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.isDue = this.appending;
    if (this.appending) return;
    const batch = this.batch.splice(0, BATCH_LIMIT);
    if (batch.length === 0) return;
    this.appending = true;
    // What a batch had no room for is old enough, and perhaps nothing follows that would set a timer.
    this.isDue = this.batch.length > 0;
    this.next(async () => {
      try {
        await this.append(batch);
      } finally {
        this.appending = false;
      }
      if (this.isDue) this.flush();
    });
  }

  private async append(batch: readonly Received[]): Promise<void> {
    // The link may have been lost while an earlier append was running: then this batch is delivered again.
    const current = batch.filter(({ delivery }) => delivery.link === this.link);
    if (current.length === 0) return;
    const results = await this.options.journal.append(current.map(({ arrival }) => arrival));
    const faulty: Received[] = [];
    for (const [index, received] of current.entries()) {
      const result = results[index];
      if (!result) continue;
      const { arrival } = received;
      const { arrivals } = this.options;
      const { message } = received.delivery;
      if (result.kind === 'clash') faulty.push({ ...received, arrival: arrivals.asClash(arrival, message) });
      else if (result.kind === 'refused' && arrival.kind === 'change')
        faulty.push({ ...received, arrival: arrivals.asRefused(arrival, message) });
      else this.settle(received, result);
    }
    if (faulty.length > 0) await this.append(faulty);
  }

  private settle({ delivery, arrival }: Received, result: AppendResult): void {
    const keep = this.options.journal.durability === 'queue' && result.kind !== 'duplicate';
    if (keep) this.receipts.keep(receiptOf(arrival), delivery);
    else delivery.accept();
  }

  /** In turn, so that no append of a new link runs before an embedded journal has dropped what the old one brought. */
  private abandonLink(): void {
    this.link = undefined;
    this.timer?.cancel();
    this.timer = undefined;
    this.batch = [];
    this.receipts.clear();
    this.next(() => this.options.journal.receiverLost());
  }

  private next(step: () => Promise<void>): void {
    this.work = this.work.then(step).catch((error: unknown) => {
      this.options.log.error('The journal takes no changes; receiving starts anew, nothing was settled', {
        error,
      });
      this.abandonLink();
      if (error instanceof JournalUnavailable) this.awaitJournal();
      this.subscription?.restart('the journal takes no changes');
    });
  }

  private awaitJournal(probes = 0): void {
    if (this.stopped) return;
    this.receiving?.hold('journal');
    this.probe?.cancel();
    this.probe = this.options.clock.after(PROBE_MS, () => {
      void this.options.journal.nextDueMs().then(
        () => this.receiving?.release('journal'),
        () => {
          const tried = probes + 1;
          if (tried % PROBES_PER_LINK === 0) this.subscription?.restart('others may reach the journal');
          this.awaitJournal(tried);
        },
      );
    });
  }
}
