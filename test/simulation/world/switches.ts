/** What operators have paused for all instances, in the database. */
import { SWITCHED } from '../../../srv/journal/switches.ts';
import type { SharedSwitches, Switched, SwitchState } from '../../../srv/journal/port.ts';

type Switches = Readonly<Record<Switched, SwitchState>>;

export class SimSwitches implements SharedSwitches {
  private state: Switches = {
    intake: { paused: false, resumes: 0 },
    flights: { paused: false, resumes: 0 },
  };
  private readonly listeners = new Set<() => void>();

  /** Nobody is given a lane. */
  get arePaused(): boolean {
    return this.state.flights.paused;
  }

  async switches(): Promise<Switches> {
    return this.state;
  }

  async setSwitches(what: readonly Switched[], to: 'paused' | 'running'): Promise<void> {
    const next = { ...this.state };
    for (const one of SWITCHED) {
      if (!what.includes(one)) continue;
      const { resumes } = next[one];
      next[one] = { paused: to === 'paused', resumes: to === 'running' ? resumes + 1 : resumes };
    }
    this.state = next;
    for (const listener of this.listeners) listener();
  }

  onSwitched(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
