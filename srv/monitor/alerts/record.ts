/** What becomes of an alert's record when an instance sees its cause, sees it gone, or has told of it. Pure. */
import type { AlertFigures, AlertRecord } from '../../alerts/port.ts';

/** What an instance has seen. */
export interface Sighting {
  readonly key: string;
  readonly eventType: string;
  readonly territory?: string;
  readonly instance: string;
  readonly detail: string;
  readonly figures: AlertFigures;
  /** Another one than before is worth an update. */
  readonly mark: string;
  /** How often it has happened since the last sighting; 0 for what lasts. */
  readonly times: number;
  readonly updateEveryMs: number;
}

/** An instance that is not heard of for so long has no say any more. */
export const HOLD_MS = 5 * 60_000;
/** A holder says so again when half of that is over: a write every few minutes and not with each look. */
const RENEW_MS = HOLD_MS / 2;

/** The cause is there: raised, or what is new about it noted. */
export function seen(known: AlertRecord | undefined, sighting: Sighting, nowMs: number): AlertRecord {
  const { key, eventType, territory, detail, figures, mark, times } = sighting;
  const own = { [sighting.instance]: nowMs + HOLD_MS };
  if (known?.status === 'raised') return seenAgain(known, sighting, nowMs);
  return {
    key,
    eventType,
    ...(territory !== undefined && { territory }),
    status: 'raised',
    raisedAt: nowMs,
    changedAt: nowMs,
    detail,
    figures,
    count: times,
    mark,
    holders: own,
    version: (known?.version ?? 0) + 1,
    toldVersion: known?.toldVersion ?? 0,
    ...(known?.toldAt !== undefined && { toldAt: known.toldAt }),
    dueAt: nowMs,
  };
}

function seenAgain(known: AlertRecord, sighting: Sighting, nowMs: number): AlertRecord {
  const { instance, detail, figures, mark, times, updateEveryMs } = sighting;
  const until = known.holders[instance] ?? -Infinity;
  const isNews = times > 0 || mark !== known.mark;
  if (!isNews && until - nowMs >= RENEW_MS) return known;
  const holders = { ...living(known.holders, nowMs), [instance]: nowMs + HOLD_MS };
  if (!isNews) return { ...known, holders };
  const isWaiting = known.version > known.toldVersion;
  return {
    ...known,
    holders,
    changedAt: nowMs,
    detail,
    figures,
    count: known.count + times,
    mark,
    version: known.version + 1,
    dueAt: isWaiting ? known.dueAt : Math.max(nowMs, (known.toldAt ?? nowMs) + updateEveryMs),
  };
}

/** The cause may be there still: an instance that held it holds it on, and nothing is raised. */
export function kept(known: AlertRecord, instance: string, nowMs: number): AlertRecord {
  const until = known.holders[instance];
  if (until === undefined || until - nowMs >= RENEW_MS) return known;
  return { ...known, holders: { ...known.holders, [instance]: nowMs + HOLD_MS } };
}

/** This instance sees the cause gone: recovered once no other sees it. */
export function gone(known: AlertRecord, instance: string, nowMs: number): AlertRecord {
  if (known.status === 'recovered') return known;
  const { [instance]: own, ...others } = known.holders;
  const holders = living(others, nowMs);
  if (Object.keys(holders).length > 0) return own === undefined ? known : { ...known, holders };
  return {
    ...known,
    status: 'recovered',
    changedAt: nowMs,
    holders: {},
    version: known.version + 1,
    dueAt: nowMs,
  };
}

/** A notice of `version` has arrived: undefined once nothing is left to keep. */
export function told(known: AlertRecord, version: number, nowMs: number): AlertRecord | undefined {
  const toldVersion = Math.max(known.toldVersion, version);
  if (known.status === 'recovered' && toldVersion >= known.version) return undefined;
  return { ...known, toldVersion, toldAt: nowMs };
}

function living(holders: AlertRecord['holders'], nowMs: number): Record<string, number> {
  return Object.fromEntries(Object.entries(holders).filter(([, until]) => until > nowMs));
}
