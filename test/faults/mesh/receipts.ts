/** A receiver of numbered messages, which are published in order 0, 1, 2, …, and the judgement of what it got. */
import type { Delivery, DeliveryHandler } from '../../../srv/mesh/port.ts';

export class Receipts implements DeliveryHandler {
  /** Numbers by link, in the order of delivery. */
  readonly #links: number[][];
  #held: Delivery[] | undefined;
  /** Told after the handler itself knows. */
  onLost: () => void = () => undefined;

  /** @param earlier what a predecessor on the same queue received */
  constructor(earlier?: Receipts) {
    this.#links = earlier === undefined ? [] : [...earlier.#links];
  }

  /** From now on nothing is settled. */
  hold(): void {
    this.#held ??= [];
  }

  /** Settles what was held, and everything that comes from now on at once. */
  settleAll(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const delivery of held) delivery.accept();
  }

  get held(): number {
    return this.#held?.length ?? 0;
  }

  attached(): void {
    this.#links.push([]);
  }

  delivery(delivery: Delivery): void {
    this.#links.at(-1)?.push(Number(delivery.message.body.toString()));
    if (this.#held === undefined) delivery.accept();
    else this.#held.push(delivery);
  }

  lost(): void {
    // What is held comes again; settling it would be refused as stale.
    if (this.#held !== undefined) this.#held = [];
    this.onLost();
  }

  /** Messages received at least once. */
  get received(): number {
    return new Set(this.#links.flat()).size;
  }

  /** What is wrong with the order, in words; empty: nothing. */
  faults(): readonly string[] {
    const faults: string[] = [];
    let highest = -1;
    this.#links.forEach((numbers, link) => {
      numbers.forEach((number, index) => {
        const before = numbers[index - 1];
        if (before !== undefined && number !== before + 1)
          faults.push(`link ${link}: ${number} after ${before}`);
        if (number > highest + 1) faults.push(`link ${link}: ${number} came before ${highest + 1}`);
        highest = Math.max(highest, number);
      });
    });
    return faults;
  }
}
