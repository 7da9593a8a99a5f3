/**
 * The dead letters that their receiver holds, with the deliveries that are settled once one is decided and done. Of one
 * dead letter there may be several: its copy is sent again when the mesh did not confirm it.
 */
import type { Delivery } from '../mesh/port.ts';
import type { HeldLetter } from './held-letter.ts';

interface Held {
  readonly letter: HeldLetter;
  readonly deliveries: Delivery[];
}

export class HeldLetters {
  private readonly held = new Map<string, Held>();
  private bytes = 0;

  /** Of all deliveries' bodies. */
  get sizeBytes(): number {
    return this.bytes;
  }

  add(letter: HeldLetter, delivery: Delivery): void {
    this.bytes += letter.body.length;
    const known = this.held.get(letter.id);
    if (known) known.deliveries.push(delivery);
    else this.held.set(letter.id, { letter, deliveries: [delivery] });
  }

  get(id: string): HeldLetter | undefined {
    return this.held.get(id)?.letter;
  }

  all(): readonly HeldLetter[] {
    return [...this.held.values()].map(({ letter }) => letter);
  }

  /** The mesh may forget it. */
  settle(id: string): void {
    const known = this.held.get(id);
    if (!known) return;
    this.held.delete(id);
    this.bytes -= known.letter.body.length * known.deliveries.length;
    for (const delivery of known.deliveries) delivery.accept();
  }

  /** The link is gone: they come again. */
  clear(): void {
    this.held.clear();
    this.bytes = 0;
  }
}
