/** The book of a process that shares it with no other; forgotten with the process. */
import type { Clock } from '../platform/clock.ts';
import { isDue, type AlertBook, type AlertRecord, type ReviseAlert } from './port.ts';

export class MemoryAlertBook implements AlertBook {
  private readonly clock: Pick<Clock, 'now'>;
  private readonly records = new Map<string, AlertRecord>();
  /** Key → until when nobody else takes it, epoch milliseconds. */
  private readonly taken = new Map<string, number>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.clock = clock;
  }

  has(key: string): boolean {
    return this.records.has(key);
  }

  async all(): Promise<readonly AlertRecord[]> {
    return [...this.records.values()];
  }

  async revise(key: string, next: ReviseAlert): Promise<AlertRecord | undefined> {
    const record = next(this.records.get(key), this.clock.now());
    if (record) this.records.set(key, record);
    else this.records.delete(key);
    return record;
  }

  async take(limit: number, leaseMs: number): Promise<readonly AlertRecord[]> {
    const nowMs = this.clock.now();
    const due = [...this.records.values()].filter(
      (record) => isDue(record, nowMs) && (this.taken.get(record.key) ?? 0) <= nowMs,
    );
    const taken = due.sort((a, b) => a.dueAt - b.dueAt).slice(0, limit);
    for (const { key } of taken) this.taken.set(key, nowMs + leaseMs);
    return taken;
  }

  async giveBack(key: string): Promise<void> {
    this.taken.delete(key);
  }
}
