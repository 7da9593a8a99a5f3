/**
 * Whether a queue is received from: it is as long as nobody holds it back. Several may at a time, an operator and
 * a journal that does not answer for example, each for its own reason.
 */
import type { Subscription } from '../mesh/port.ts';

export type HoldReason = 'operator' | 'memory' | 'journal' | 'stop';

export class Receiving {
  private readonly subscription: Pick<Subscription, 'pause' | 'resume'>;
  private readonly reasons = new Set<HoldReason>();

  constructor(subscription: Pick<Subscription, 'pause' | 'resume'>) {
    this.subscription = subscription;
  }

  isHeldFor(reason: HoldReason): boolean {
    return this.reasons.has(reason);
  }

  hold(reason: HoldReason): void {
    if (this.reasons.size === 0) this.subscription.pause();
    this.reasons.add(reason);
  }

  release(reason: HoldReason): void {
    if (this.reasons.delete(reason) && this.reasons.size === 0) this.subscription.resume();
  }
}
