/** What was decided of dead letters: those whose decision is under way, and the latest that are done. Gone with the process. */
import type { Decision } from '../operations/port.ts';

/** More than are held at a time, so that whatever a lost link brings again is known. */
const DONE_LIMIT = 10_000;

export class DeadLetterDecisions {
  private readonly underWay = new Map<string, Decision>();
  /** In the order in which they were done. */
  private readonly done = new Map<string, Decision>();

  begin(id: string, decision: Decision): void {
    this.underWay.set(id, decision);
  }

  /** It could not be recorded: the dead letter is open again. */
  undo(id: string): void {
    this.underWay.delete(id);
  }

  /** Its outcome is told, so the dead letter can go. @param decision what counts where nobody here has decided */
  finish(id: string, decision: Decision): void {
    this.done.set(id, this.underWay.get(id) ?? decision);
    this.underWay.delete(id);
    if (this.done.size <= DONE_LIMIT) return;
    const [oldest] = this.done.keys();
    if (oldest !== undefined) this.done.delete(oldest);
  }

  of(id: string): Decision | undefined {
    return this.underWay.get(id) ?? this.done.get(id);
  }

  isDone(id: string): boolean {
    return this.done.has(id);
  }
}
