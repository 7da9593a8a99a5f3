/**
 * The keys of records that events name by another property. Every read tells them, so that a write needs no look-up of its own; a
 * record that a write does not find is forgotten, and looked up before the next one.
 */

/** Keys remembered at a time; beyond it the one that was told longest ago is forgotten. */
const REMEMBERED = 10_000;

export class KnownKeys {
  private readonly keys = new Map<string, string>();

  /** The record at `path` that events call `name` has this key. */
  learn(path: string, name: string, key: string): void {
    const record = recordOf(path, name);
    this.keys.delete(record);
    this.keys.set(record, key);
    if (this.keys.size <= REMEMBERED) return;
    const oldest = this.keys.keys().next().value;
    if (oldest !== undefined) this.keys.delete(oldest);
  }

  of(path: string, name: string): string | undefined {
    return this.keys.get(recordOf(path, name));
  }

  forget(path: string, name: string): void {
    this.keys.delete(recordOf(path, name));
  }
}

function recordOf(path: string, name: string): string {
  return JSON.stringify([path, name]);
}
