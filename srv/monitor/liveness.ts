/**
 * Whether a restart would help. Everything that waits for something outside has a time limit of its own, and an outage ends by
 * itself: restarting for it would only lose what is known. So the process counts as dead only when a step of its work has not ended
 * long after it had to: then a promise is lost, which nothing but a restart brings back. (A blocked event loop answers nobody,
 * which is what the platform's time-out is for.)
 */
import type { Clock } from '../platform/clock.ts';

export type LivenessCheck =
  | { readonly status: 'UP' }
  /** `reason`: one line without secrets. */
  | { readonly status: 'DOWN'; readonly reason: string };

interface Step {
  readonly what: string;
  /** Monotonic milliseconds. */
  readonly endsByMs: number;
  readonly limitMs: number;
}

export class Liveness {
  private readonly clock: Pick<Clock, 'monotonicMs'>;
  private readonly steps = new Set<Step>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.clock = clock;
  }

  /** Does a step that cannot take so long unless it is stuck. @param what completes "… has not ended" */
  async within<Result>(limitMs: number, what: string, step: () => Promise<Result>): Promise<Result> {
    const running: Step = { what, limitMs, endsByMs: this.clock.monotonicMs() + limitMs };
    this.steps.add(running);
    try {
      return await step();
    } finally {
      this.steps.delete(running);
    }
  }

  check(): LivenessCheck {
    const nowMs = this.clock.monotonicMs();
    const stuck = [...this.steps].find(({ endsByMs }) => nowMs > endsByMs);
    if (!stuck) return { status: 'UP' };
    const limitS = Math.round(stuck.limitMs / 1000);
    return { status: 'DOWN', reason: `${stuck.what} has not ended within ${limitS} s: a restart helps` };
  }
}
