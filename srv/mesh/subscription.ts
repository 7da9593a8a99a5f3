/**
 * One queue, received over whatever connection there is: at most `window` deliveries unsettled, each settled once, the link attached
 * again when the broker ends it. Credit is granted as far as the window has room, so the broker cannot exceed it.
 */
import type { IncomingMessage } from '@sap/xb-msg-amqp-v100';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import { keepsCountOfCredit, receiveAddress } from './addresses.ts';
import type { Dialect } from './dialects.ts';
import { backoffMs, type BackoffLimits } from './backoff.ts';
import type { MeshClient } from './client.ts';
import type { DrainPurpose } from './connection-state.ts';
import { contained } from './containment.ts';
import { QueueDelivery, type Origin } from './delivery.ts';
import type { LinkProblem } from './link-session.ts';
import { normalise } from './message.ts';
import type { Delivery, DeliveryHandler, Subscription, SubscriptionOptions } from './port.ts';
import { ReceiveWindow, weightOf } from './receive-window.ts';
import { ReceiverLink } from './receiver-link.ts';
import type { Tenant } from './tenant.ts';

export interface SubscriptionParts {
  readonly dialect: Dialect;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** For the broker's answer to an attach. */
  readonly attachTimeoutMs: number;
  /** Attached for this long: earlier failures no longer count. */
  readonly stableMs: number;
  readonly backoff: BackoffLimits;
  /** Asks for a new connection. */
  readonly restart: (reason: string) => void;
  /** Asks for another connection in place of this one, in an orderly way. */
  readonly exchange: () => void;
}

/** One attachment of the queue; its number recognises its deliveries. */
interface Attachment extends Origin {
  link?: ReceiverLink;
  /** The handler was told of it. */
  announcedAtMs?: number;
  alive: boolean;
  readonly window: ReceiveWindow;
  topUpPlanned: boolean;
}

export class QueueSubscription implements Subscription, Tenant {
  readonly #options: SubscriptionOptions;
  readonly #handler: DeliveryHandler;
  readonly #parts: SubscriptionParts;
  readonly #log: Log;
  readonly #hand: (delivery: Delivery) => void;
  #client: MeshClient | undefined;
  #attachment: Attachment | undefined;
  #count = 0;
  #failures = 0;
  #paused = false;
  #draining = false;
  /** Never attached again. */
  #handedOver = false;
  /** Waits until nothing is unsettled. */
  #settled: (() => void) | undefined;
  /** Waits for the answer to an attach, or for the next attach. */
  #timer: Timer | undefined;

  constructor(options: SubscriptionOptions, handler: DeliveryHandler, parts: SubscriptionParts) {
    this.#options = options;
    this.#handler = handler;
    this.#parts = parts;
    this.#log = parts.log.child({ queue: options.queue });
    this.#hand = contained(this.#log, "The subscriber's 'delivery'", (delivery) =>
      handler.delivery(delivery),
    );
  }

  pause(): void {
    this.#paused = true;
    if (keepsCountOfCredit(this.#parts.dialect)) this.#attachment?.link?.offer(0);
  }

  resume(): void {
    this.#paused = false;
    if (this.#attachment !== undefined) this.#topUp(this.#attachment);
  }

  restart(reason: string): void {
    this.#parts.restart(reason);
  }

  /**
   * By a Close of the whole connection, not by a detach: then the broker alone says what becomes of deliveries that are under way, and
   * the library refuses none of them.
   */
  handOver(): void {
    this.#handedOver = true;
    this.#parts.exchange();
  }

  get receivingFrom(): string | undefined {
    return this.#attachment?.announcedAtMs === undefined ? undefined : this.#options.queue;
  }

  arrive(client: MeshClient): void {
    this.#client = client;
    this.#draining = false;
    this.#attach();
  }

  drain(purpose: DrainPurpose): Promise<void> {
    this.#draining = true;
    this.#attachment?.link?.offer(0);
    const settledSoon = purpose === 'renewal' && this.#options.keeps !== 'long' && !this.#handedOver;
    if (!settledSoon || (this.#attachment?.window.messages ?? 0) === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#settled = resolve;
    });
  }

  leave(): void {
    this.#client = undefined;
    this.#timer?.cancel();
    this.#attachment?.link?.forget();
    this.#drop();
  }

  end(): void {
    this.#timer?.cancel();
  }

  /** Messages that may come now; nothing while paused or stopping. */
  #allowance(): number {
    return this.#paused || this.#draining ? 0 : (this.#attachment?.window.allowance() ?? 0);
  }

  #attach(): void {
    if (this.#client === undefined || this.#draining || this.#handedOver) return;
    const attachment: Attachment = {
      number: ++this.#count,
      alive: true,
      window: new ReceiveWindow({
        messages: this.#options.window,
        bytes: this.#options.windowBytes ?? Infinity,
      }),
      topUpPlanned: false,
      settled: (bytes) => this.#settledOne(attachment, bytes),
      refused: (error) =>
        this.#log.error('The mesh client refused a settlement; the message will be delivered again', {
          error: error instanceof Error ? error.message : String(error),
        }),
    };
    this.#attachment = attachment;
    this.#after(this.#parts.attachTimeoutMs, () => {
      attachment.link?.discard();
      this.#failed(attachment, { text: 'the broker did not answer the attach in time' });
    });
    const { queue } = this.#options;
    try {
      attachment.link = new ReceiverLink(
        this.#client,
        {
          name: `receive-${queue}-${attachment.number}`,
          address: receiveAddress(this.#parts.dialect, queue),
          credit: this.#allowance(),
          log: this.#log,
        },
        {
          attached: () => this.#attached(attachment),
          message: (message) => this.#deliver(attachment, message),
          gone: (problem) => this.#failed(attachment, problem),
        },
      );
    } catch (error) {
      this.#failed(attachment, { text: error instanceof Error ? error.message : String(error) });
    }
  }

  #attached(attachment: Attachment): void {
    this.#timer?.cancel();
    attachment.announcedAtMs = this.#parts.clock.monotonicMs();
    this.#log.info('Receiving from the queue', { link: attachment.number });
    this.#tell('attached', () => this.#handler.attached(attachment.number));
  }

  #deliver(attachment: Attachment, raw: IncomingMessage): void {
    const message = normalise(raw);
    const bytes = weightOf(message);
    attachment.window.received(bytes);
    // The broker's last credit may go into a delivery that is settled late, with room left from earlier settlements.
    this.#planTopUp(attachment);
    if (message.undecodable !== undefined) {
      this.#log.warn('A message of the queue is no AMQP message; its bytes are handed on as they came', {
        fault: message.undecodable,
      });
    }
    this.#hand(new QueueDelivery(message, raw, bytes, attachment));
  }

  #settledOne(attachment: Attachment, bytes: number): void {
    attachment.window.settled(bytes);
    if (attachment.window.messages === 0) this.#settled?.();
    this.#planTopUp(attachment);
  }

  /** Once a turn at most: deliveries and settlements mostly come in batches. */
  #planTopUp(attachment: Attachment): void {
    if (attachment.topUpPlanned) return;
    attachment.topUpPlanned = true;
    queueMicrotask(
      contained(this.#log, 'Granting credit', () => {
        attachment.topUpPlanned = false;
        if (attachment.alive) this.#topUp(attachment);
      }),
    );
  }

  /**
   * Grants credit in portions of a quarter of the window, or as little as there is when the broker has none left; takes back what a
   * large message has left no room for.
   */
  #topUp({ link, window }: Attachment): void {
    if (link === undefined) return;
    const allowance = this.#allowance();
    const held = link.credit();
    const counted = keepsCountOfCredit(this.#parts.dialect);
    const portion = counted ? window.portion : Infinity;
    const isWorthIt = held === 0 || allowance - held >= portion;
    if (allowance > held ? isWorthIt : counted && allowance < held) link.offer(allowance);
  }

  /** The link is gone, or never came about, while the connection lives: attach again after a while. */
  #failed(attachment: Attachment, problem: LinkProblem): void {
    if (attachment !== this.#attachment) return;
    const { clock, random, backoff, stableMs } = this.#parts;
    const livedMs =
      attachment.announcedAtMs === undefined ? 0 : clock.monotonicMs() - attachment.announcedAtMs;
    if (livedMs >= stableMs) this.#failures = 0;
    const afterMs = backoffMs(this.#failures++, backoff, random.fraction());
    const reason = this.#explain(problem);
    this.#log.warn(reason, { condition: problem.condition, retryInMs: Math.round(afterMs) });
    this.#after(afterMs, () => this.#attach());
    this.#drop();
    this.#tell('unavailable', () => this.#handler.unavailable?.(reason));
  }

  #explain(problem: LinkProblem): string {
    const { queue } = this.#options;
    const { condition, text } = problem;
    if (condition === 'amqp:not-found') {
      return `Queue ${queue} does not exist on the mesh: create it (territory-sync mesh setup) or correct the setting that names it`;
    }
    if (condition === 'amqp:not-allowed' || condition === 'amqp:unauthorized-access') {
      return `Receiving from queue ${queue} is not allowed: add it to queueRules.subscribeFilter of the mesh's descriptor (${text})`;
    }
    return `The link to queue ${queue} ended: ${text}`;
  }

  #drop(): void {
    this.#settled?.();
    this.#settled = undefined;
    const attachment = this.#attachment;
    this.#attachment = undefined;
    if (attachment === undefined) return;
    attachment.alive = false;
    if (attachment.announcedAtMs !== undefined)
      this.#tell('lost', () => this.#handler.lost(attachment.number));
  }

  #tell(what: string, action: () => void): void {
    contained(this.#log, `The subscriber's '${what}'`, action)();
  }

  #after(delayMs: number, action: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(delayMs, contained(this.#log, 'Attaching a queue', action));
  }
}
