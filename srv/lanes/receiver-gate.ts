/**
 * Embedded, the queue is the only record, and whoever receives it writes. An instance that the mesh has not been heard from may have
 * been replaced without knowing; one that has just taken over may have a predecessor that is still writing. Pure.
 */

/** A flight starts only this soon after the mesh was last heard. */
const MESH_SILENCE_MS = 30_000;

/** All monotonic milliseconds. */
export interface Receivership {
  readonly nowMs: number;
  /** Undefined: never. */
  readonly lastFrameAtMs: number | undefined;
  /** Undefined: not attached to the queue. */
  readonly receivingSinceMs: number | undefined;
  /** How long the one before may still be writing. */
  readonly takeoverWaitMs: number;
}

/** Whether this instance is certain enough to be the receiver that it may write. */
export function isSoleReceiver({
  nowMs,
  lastFrameAtMs,
  receivingSinceMs,
  takeoverWaitMs,
}: Receivership): boolean {
  const heard = lastFrameAtMs !== undefined && nowMs - lastFrameAtMs <= MESH_SILENCE_MS;
  return heard && receivingSinceMs !== undefined && nowMs - receivingSinceMs >= takeoverWaitMs;
}
