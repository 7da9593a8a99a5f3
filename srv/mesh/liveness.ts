/**
 * Is the peer still there? TCP does not tell, and the library never notices a peer that has gone silent. So the bytes received are
 * counted; a peer that says nothing is asked something it has to answer; one that does not answer for long is given up.
 */

/** What is known of a peer; all times are monotonic milliseconds. */
export interface Liveness {
  readonly bytes: number;
  /** No later than the last byte's arrival: the look before the one that found it. */
  readonly heardAtMs: number;
  readonly lookedAtMs: number;
  /** When it was first asked since it was last heard. */
  readonly askedAtMs?: number;
}

export interface LivenessLimits {
  /** Quiet for this long: ask. */
  readonly askAfterMs: number;
  /** Quiet for this long, although asked: gone. */
  readonly silentAfterMs: number;
}

export type Verdict = 'heard' | 'ask' | 'silent';

/** A peer that has just opened the connection. */
export function heardNow(bytes: number, nowMs: number): Liveness {
  return { bytes, heardAtMs: nowMs, lookedAtMs: nowMs };
}

/** The knowledge after another look at the count of bytes received. */
export function look(before: Liveness, bytes: number, nowMs: number): Liveness {
  if (bytes === before.bytes) return { ...before, lookedAtMs: nowMs };
  return { bytes, heardAtMs: before.lookedAtMs, lookedAtMs: nowMs };
}

/** The knowledge after the peer was asked. */
export function asked(before: Liveness, nowMs: number): Liveness {
  return { ...before, askedAtMs: before.askedAtMs ?? nowMs };
}

/**
 * What to do now. A peer is `silent` only if it also had half of `silentAfterMs` to answer a question: a process that was itself
 * stopped for minutes finds old times, and asks first.
 */
export function judge(liveness: Liveness, limits: LivenessLimits, nowMs: number): Verdict {
  const quietMs = nowMs - liveness.heardAtMs;
  if (quietMs < limits.askAfterMs) return 'heard';
  const { askedAtMs } = liveness;
  const hadTime = askedAtMs !== undefined && nowMs - askedAtMs >= limits.silentAfterMs / 2;
  return hadTime && quietMs >= limits.silentAfterMs ? 'silent' : 'ask';
}
