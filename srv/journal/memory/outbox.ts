/** Messages that the mesh has to accept, oldest first; each handed out once until given back. */
import type { OutboxMessage } from '../port.ts';
import type { Entry } from './entry.ts';

interface Item {
  readonly message: OutboxMessage;
  readonly entry: Entry;
  taken: boolean;
}

export class Outbox {
  /** Oldest first. */
  private readonly items = new Set<Item>();
  /**
   * Two messages may share an id (two unreadable payloads under one event id, say): each is sent, the later one once the
   * earlier is gone.
   */
  private readonly byId = new Map<string, Item[]>();

  get size(): number {
    return this.items.size;
  }

  add(entry: Entry, messages: readonly OutboxMessage[]): void {
    entry.unsent += messages.length;
    for (const message of messages) {
      const item = { message, entry, taken: false };
      this.items.add(item);
      const queue = this.byId.get(message.id);
      if (queue) queue.push(item);
      else this.byId.set(message.id, [item]);
    }
  }

  /** @param kinds only these; absent: all */
  take(limit: number, kinds?: readonly OutboxMessage['kind'][]): OutboxMessage[] {
    const messages: OutboxMessage[] = [];
    for (const item of this.items) {
      if (messages.length >= limit) break;
      if (kinds?.includes(item.message.kind) === false) continue;
      if (item.taken || this.first(item.message.id) !== item) continue;
      item.taken = true;
      messages.push(item.message);
    }
    return messages;
  }

  giveBack(ids: readonly string[]): void {
    for (const id of ids) {
      const item = this.first(id);
      if (item) item.taken = false;
    }
  }

  /** Forgets the messages; answers the entries of which all messages are gone now. */
  remove(ids: readonly string[]): Entry[] {
    const told: Entry[] = [];
    for (const id of ids) {
      const queue = this.byId.get(id);
      const item = queue?.shift();
      if (!item) continue;
      if (queue?.length === 0) this.byId.delete(id);
      this.items.delete(item);
      item.entry.unsent -= 1;
      if (item.entry.unsent === 0) told.push(item.entry);
    }
    return told;
  }

  private first(id: string): Item | undefined {
    return this.byId.get(id)?.[0];
  }
}
