/** How long something has been bad or good, so that neither a hiccup raises an alert nor a moment's respite ends one. Pure. */

export interface Spell {
  /** Monotonic milliseconds since when it is bad, moments of respite included. */
  readonly badSinceMs?: number;
  /** Since when it is good, without a break. */
  readonly goodSinceMs?: number;
}

export interface Patience {
  readonly raiseAfterMs: number;
  readonly recoverAfterMs: number;
}

/** The spell after another look. */
export function prolonged(
  spell: Spell,
  verdict: 'bad' | 'good' | 'unknown',
  nowMs: number,
  { recoverAfterMs }: Patience,
): Spell {
  switch (verdict) {
    case 'bad':
      return { badSinceMs: spell.badSinceMs ?? nowMs };
    case 'good': {
      const goodSinceMs = spell.goodSinceMs ?? nowMs;
      const isOver = nowMs - goodSinceMs >= recoverAfterMs;
      return {
        goodSinceMs,
        ...(!isOver && spell.badSinceMs !== undefined && { badSinceMs: spell.badSinceMs }),
      };
    }
    case 'unknown':
      return spell;
  }
}

/** What to do about an alert now: `keep` leaves it as it is, raised or not. */
export function conclusion(spell: Spell, nowMs: number, patience: Patience): 'raise' | 'recover' | 'keep' {
  const { badSinceMs, goodSinceMs } = spell;
  if (goodSinceMs !== undefined) return nowMs - goodSinceMs >= patience.recoverAfterMs ? 'recover' : 'keep';
  return badSinceMs !== undefined && nowMs - badSinceMs >= patience.raiseAfterMs ? 'raise' : 'keep';
}
