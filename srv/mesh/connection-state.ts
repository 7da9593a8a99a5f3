/**
 * The connection's states and what each event does in each of them: a table of pure functions in which the compiler demands every
 * cell. A state has at most one timer; its meaning follows from the state. Attempts are counted here, so there is never a second one.
 */
import { backoffMs, type BackoffLimits } from './backoff.ts';
import { problem, type ConnectionProblem } from './problem.ts';

export type ConnectionState =
  | { readonly kind: 'idle' }
  /** Timer: the attempt has hung. `failures` in a row before this attempt. */
  | { readonly kind: 'connecting'; readonly failures: number; readonly reason?: string }
  /** Timer: look whether the peer is alive. */
  | {
      readonly kind: 'open';
      readonly failures: number;
      readonly sinceMs: number;
      /** When to ask for the next token; monotonic. */
      readonly renewAtMs?: number;
    }
  /**
   * The connection is exchanged for another one: a new token is at hand, or the queue is handed over. Timer: pending work, or while `closing` the
   * connection's end, has taken too long.
   */
  | { readonly kind: 'renewing'; readonly closing: boolean; readonly failures: number }
  /** Timer: next attempt; while `closing`, the old connection's end has taken too long. */
  | {
      readonly kind: 'waiting';
      readonly failures: number;
      readonly closing: boolean;
      readonly reason: string;
    }
  /** Timer: pending work, or while `closing` the connection's end, has taken too long. */
  | { readonly kind: 'stopping'; readonly closing: boolean }
  | { readonly kind: 'stopped' };

export type ConnectionEvent =
  | { readonly kind: 'start' }
  /** The broker answered our Open. `renewAfterMs`: from now, where the token's end is known. */
  | { readonly kind: 'opened'; readonly renewAfterMs?: number }
  /** The library's `disconnected`: the only sign of an end that counts. */
  | { readonly kind: 'lost'; readonly problem: ConnectionProblem }
  /** The state's timer ran out. */
  | { readonly kind: 'due' }
  /** The peer no longer answers. */
  | { readonly kind: 'silent'; readonly problem: ConnectionProblem }
  /** A subscriber cannot go on and wants everything again on a new connection. */
  | { readonly kind: 'restart'; readonly problem: ConnectionProblem }
  /** The next token is at hand (after `fetch`), or the queue is handed over: another connection is to take this one's place. */
  | { readonly kind: 'renew' }
  | { readonly kind: 'stop' }
  /** Nothing is pending any more (after `drain`). */
  | { readonly kind: 'drained' };

/** What receivers hold unsettled at a stop is nobody's work any more. */
export type DrainPurpose = 'stop' | 'renewal';

export type Command =
  /** Make a new client and let it connect. */
  | { readonly do: 'connect' }
  /** Let subscriptions and publisher use the client. */
  | { readonly do: 'admit' }
  /** Orderly Close; `lost` follows. Its links are gone at once. */
  | { readonly do: 'close' }
  /** Throw the client away, whatever it is doing; nothing follows. */
  | { readonly do: 'abandon' }
  /** Read the liveness of the peer; `silent` may follow. */
  | { readonly do: 'look' }
  /** No more credit, finish what is pending; `drained` follows. What receivers hold is waited for before a renewal only. */
  | { readonly do: 'drain'; readonly purpose: DrainPurpose }
  /** Ask for the next token; `renew` follows, or nothing. */
  | { readonly do: 'fetch' }
  /** Nothing will be needed again: timers and listeners go. */
  | { readonly do: 'end' }
  | { readonly do: 'report'; readonly problem: ConnectionProblem; readonly retryInMs: number }
  /** Replaces the state's timer. */
  | { readonly do: 'timer'; readonly afterMs: number }
  | { readonly do: 'no-timer' };

export interface ConnectionLimits {
  /** Token, upgrade and handshake together. */
  readonly connectTimeoutMs: number;
  /** How often the peer's liveness is looked at. */
  readonly lookEveryMs: number;
  /** Open for this long: earlier failures no longer count. */
  readonly stableMs: number;
  /** For the peer's answer to Close. */
  readonly closeTimeoutMs: number;
  /** For pending publishes at stop. */
  readonly drainTimeoutMs: number;
  /** For pending publishes and unsettled deliveries at a renewal: nothing is received meanwhile. */
  readonly renewDrainTimeoutMs: number;
  readonly backoff: BackoffLimits;
  /** Least wait where the peer is overloaded or full. */
  readonly longWaitMs: number;
}

export interface Context {
  readonly limits: ConnectionLimits;
  /** Monotonic. */
  readonly nowMs: number;
  /** Chance in [0, 1). */
  readonly fraction: number;
}

export interface Step {
  readonly state: ConnectionState;
  /** To be carried out in this order. */
  readonly commands: readonly Command[];
}

/** What `event` does to a connection in `state`. */
export function transition(state: ConnectionState, event: ConnectionEvent, context: Context): Step {
  const cell = table[state.kind][event.kind] as (
    state: ConnectionState,
    event: ConnectionEvent,
    context: Context,
  ) => Step;
  return cell(state, event, context);
}

type StateOf<S> = Extract<ConnectionState, { kind: S }>;
type EventOf<E> = Extract<ConnectionEvent, { kind: E }>;
type Cell<S, E> = (state: StateOf<S>, event: EventOf<E>, context: Context) => Step;
type Table = {
  readonly [S in ConnectionState['kind']]: { readonly [E in ConnectionEvent['kind']]: Cell<S, E> };
};

const stay = (state: ConnectionState): Step => ({ state, commands: [] });

const table: Table = {
  idle: {
    start: (_state, _event, context) => connect(0, undefined, context),
    opened: stay,
    lost: stay,
    due: stay,
    silent: stay,
    restart: stay,
    renew: stay,
    stop: () => stopped([]),
    drained: stay,
  },
  connecting: {
    start: stay,
    opened: (state, { renewAfterMs }, { limits, nowMs }) => ({
      state: {
        kind: 'open',
        failures: state.failures,
        sinceMs: nowMs,
        ...(renewAfterMs === undefined ? {} : { renewAtMs: nowMs + renewAfterMs }),
      },
      commands: [{ do: 'timer', afterMs: limits.lookEveryMs }, { do: 'admit' }],
    }),
    lost: (state, event, context) => retry(state.failures, event.problem, context),
    due: (state, _event, context) => retry(state.failures, hung(context), context),
    silent: stay,
    // A new connection is being made already.
    restart: stay,
    renew: stay,
    stop: () => stopped([{ do: 'abandon' }]),
    drained: stay,
  },
  open: {
    start: stay,
    opened: stay,
    lost: (state, event, context) => retry(failuresAfter(state, context), event.problem, context),
    due: (state, _event, { limits, nowMs }) => {
      const commands: readonly Command[] = [{ do: 'timer', afterMs: limits.lookEveryMs }, { do: 'look' }];
      if (state.renewAtMs === undefined || nowMs < state.renewAtMs) return { state, commands };
      // Should no token come of it, the connection goes on as it is, and the next look after this time asks again.
      const next = { ...state, renewAtMs: nowMs + limits.backoff.maxMs };
      return { state: next, commands: [...commands, { do: 'fetch' }] };
    },
    silent: (state, event, context) => retry(failuresAfter(state, context), event.problem, context),
    restart: (state, event, context) => restart(failuresAfter(state, context), event.problem, context),
    renew: (state, _event, context) => ({
      state: { kind: 'renewing', closing: false, failures: failuresAfter(state, context) },
      commands: [
        { do: 'timer', afterMs: context.limits.renewDrainTimeoutMs },
        { do: 'drain', purpose: 'renewal' },
      ],
    }),
    stop: (_state, _event, context) => stopping(context),
    drained: stay,
  },
  renewing: {
    start: stay,
    opened: stay,
    // While it is being closed, its end is what was wanted, and the next connection needs no wait.
    lost: (state, event, context) =>
      state.closing ? exchange(state, context) : retry(state.failures, event.problem, context),
    due: (state, _event, context) =>
      state.closing ? exchange(state, context) : close({ ...state, closing: true }, context),
    silent: stay,
    restart: (state, event, context) =>
      state.closing
        ? { state: waitingForEnd(state.failures, event.problem), commands: [] }
        : restart(state.failures, event.problem, context),
    renew: stay,
    stop: (state, _event, context) =>
      state.closing
        ? { state: { kind: 'stopping', closing: true }, commands: [closeTimer(context)] }
        : stopping(context),
    drained: (state, _event, context) =>
      state.closing ? stay(state) : close({ ...state, closing: true }, context),
  },
  waiting: {
    start: stay,
    opened: stay,
    lost: (state, _event, context) => (state.closing ? closed(state, context) : stay(state)),
    due: (state, _event, context) =>
      state.closing ? closed(state, context) : connect(state.failures, state.reason, context),
    silent: stay,
    restart: stay,
    renew: stay,
    stop: () => stopped([{ do: 'abandon' }]),
    drained: stay,
  },
  stopping: {
    start: stay,
    opened: stay,
    lost: () => stopped([{ do: 'abandon' }]),
    due: (state, _event, context) =>
      state.closing ? stopped([{ do: 'abandon' }]) : close({ ...state, closing: true }, context),
    silent: stay,
    restart: stay,
    renew: stay,
    stop: stay,
    drained: (state, _event, context) =>
      state.closing ? stay(state) : close({ ...state, closing: true }, context),
  },
  stopped: {
    start: stay,
    opened: stay,
    lost: stay,
    due: stay,
    silent: stay,
    restart: stay,
    renew: stay,
    stop: stay,
    drained: stay,
  },
};

function connect(failures: number, reason: string | undefined, { limits }: Context): Step {
  return {
    state: { kind: 'connecting', failures, ...(reason === undefined ? {} : { reason }) },
    commands: [{ do: 'timer', afterMs: limits.connectTimeoutMs }, { do: 'connect' }],
  };
}

function retry(failures: number, cause: ConnectionProblem, context: Context): Step {
  const afterMs = waitMs(failures, cause, context);
  return {
    state: { kind: 'waiting', failures: failures + 1, closing: false, reason: cause.message },
    commands: [
      { do: 'timer', afterMs },
      { do: 'abandon' },
      { do: 'report', problem: cause, retryInMs: Math.round(afterMs) },
    ],
  };
}

/** The old connection of a restart is gone, or took too long over it. */
function closed(state: StateOf<'waiting'>, context: Context): Step {
  return retry(state.failures, problem('MESH_RESTARTED', state.reason), context);
}

/** The old connection must be gone before the next one comes, else both would receive. */
function restart(failures: number, cause: ConnectionProblem, context: Context): Step {
  return close(waitingForEnd(failures, cause), context);
}

function waitingForEnd(failures: number, { message }: ConnectionProblem): StateOf<'waiting'> {
  return { kind: 'waiting', failures, closing: true, reason: message };
}

/** `state` is the one that waits for the connection's end. */
function close(state: ConnectionState, context: Context): Step {
  return { state, commands: [closeTimer(context), { do: 'close' }] };
}

function closeTimer({ limits }: Context): Command {
  return { do: 'timer', afterMs: limits.closeTimeoutMs };
}

/** The old connection of a renewal is gone, or took too long over it. */
function exchange(state: StateOf<'renewing'>, context: Context): Step {
  const next = connect(state.failures, undefined, context);
  return { ...next, commands: [{ do: 'abandon' }, ...next.commands] };
}

function stopping({ limits }: Context): Step {
  return {
    state: { kind: 'stopping', closing: false },
    commands: [
      { do: 'timer', afterMs: limits.drainTimeoutMs },
      { do: 'drain', purpose: 'stop' },
    ],
  };
}

function stopped(commands: readonly Command[]): Step {
  return { state: { kind: 'stopped' }, commands: [{ do: 'no-timer' }, ...commands, { do: 'end' }] };
}

function failuresAfter(state: StateOf<'open'>, { limits, nowMs }: Context): number {
  return nowMs - state.sinceMs >= limits.stableMs ? 0 : state.failures;
}

function waitMs(failures: number, cause: ConnectionProblem, { limits, fraction }: Context): number {
  return backoffMs(failures, limits.backoff, fraction, cause.patience === 'long' ? limits.longWaitMs : 0);
}

function hung({ limits }: Context): ConnectionProblem {
  const seconds = limits.connectTimeoutMs / 1000;
  return problem('MESH_HUNG', `The mesh did not complete the connection within ${seconds} s; starting over`);
}
