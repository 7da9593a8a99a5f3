/** What operators stop for all instances: it is in a durable journal, so that each of them obeys and a restart changes nothing. */

export const SWITCHED = ['intake', 'flights'] as const;

export type Switched = (typeof SWITCHED)[number];

export interface SwitchState {
  readonly paused: boolean;
  /** Grows with each resume, also of what was not paused. */
  readonly resumes: number;
}

export interface SharedSwitches {
  switches(): Promise<Readonly<Record<Switched, SwitchState>>>;
  /** While flights are paused `claim` gives none to any instance. */
  setSwitches(what: readonly Switched[], to: 'paused' | 'running'): Promise<void>;
  /**
   * Calls back when a switch was perhaps set: soon after it was, by whichever instance, and now and then. The listener must not
   * throw. Returns the way to stop.
   */
  onSwitched(listener: () => void): () => void;
}
