/** What the health endpoint tells: which of the services that the program needs is missing, and since when. */
import type { Readiness } from '../http/health.ts';
import type { Breaker } from '../lanes/breaker.ts';
import type { TerritoryLocks } from '../lock/port.ts';
import type { Mesh } from '../mesh/port.ts';

export interface ReadinessParts {
  readonly mode: Readiness['mode'];
  readonly mesh: Pick<Mesh, 'status'>;
  readonly breaker: Pick<Breaker, 'reason' | 'since'>;
  readonly locks: Pick<TerritoryLocks, 'check'>;
  /** An operator has stopped receiving. */
  readonly isPaused: () => boolean;
  /** The mesh has made this instance the receiver. */
  readonly isAttached: () => boolean;
}

export function readinessOf({ mode, mesh, breaker, locks, isPaused, isAttached }: ReadinessParts): Readiness {
  return {
    mode,
    receiver: receiverState(isPaused(), isAttached()),
    checks: [meshCheck(mesh), destinationCheck(breaker), ...lockCheck(locks)],
  };
}

function receiverState(paused: boolean, attached: boolean): Readiness['receiver'] {
  if (paused) return 'paused';
  return attached ? 'active' : 'standby';
}

function meshCheck(mesh: ReadinessParts['mesh']): Readiness['checks'][number] {
  const { state, since, reason } = mesh.status();
  // A renewal of the token is over in milliseconds and planned.
  const isUp = state === 'open' || state === 'renewing';
  return { name: 'mesh', status: isUp ? 'UP' : 'DOWN', since, reason: isUp ? undefined : reason };
}

function lockCheck(locks: ReadinessParts['locks']): Readiness['checks'] {
  const known = locks.check();
  return known ? [{ name: 'lock', ...known }] : [];
}

/** The API being down is not this program's unreadiness; a destination that cannot be used is. */
function destinationCheck(breaker: ReadinessParts['breaker']): Readiness['checks'][number] {
  const down = breaker.reason?.reason === 'destination';
  return {
    name: 'destination',
    status: down ? 'DOWN' : 'UP',
    since: breaker.since,
    reason: down ? breaker.reason.message : undefined,
  };
}
