import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  transition,
  type Command,
  type ConnectionEvent,
  type ConnectionState,
  type Context,
} from '../../../srv/mesh/connection-state.ts';
import { meshDefaults } from '../../../srv/mesh/index.ts';
import { problem } from '../../../srv/mesh/problem.ts';
import { specTable } from './spec-tables.ts';

const lost = problem('MESH_CONNECTION_LOST', 'gone');
const at = (nowMs: number, fraction = 0): Context => ({ limits: meshDefaults, nowMs, fraction });

const states: readonly ConnectionState[] = [
  { kind: 'idle' },
  { kind: 'connecting', failures: 2, reason: 'gone' },
  { kind: 'open', failures: 2, sinceMs: 0 },
  { kind: 'open', failures: 2, sinceMs: 0, renewAtMs: 900 },
  { kind: 'renewing', failures: 2, closing: false },
  { kind: 'renewing', failures: 2, closing: true },
  { kind: 'waiting', failures: 2, closing: false, reason: 'gone' },
  { kind: 'waiting', failures: 2, closing: true, reason: 'restart' },
  { kind: 'stopping', closing: false },
  { kind: 'stopping', closing: true },
  { kind: 'stopped' },
];
const events: readonly ConnectionEvent[] = [
  { kind: 'start' },
  { kind: 'opened' },
  { kind: 'lost', problem: lost },
  { kind: 'due' },
  { kind: 'silent', problem: lost },
  { kind: 'restart', problem: problem('MESH_RESTARTED', 'restart') },
  { kind: 'renew' },
  { kind: 'stop' },
  { kind: 'drained' },
];
const verbs = (commands: readonly Command[]): string => commands.map((command) => command.do).join(' ');
const show = (state: ConnectionState): string =>
  'closing' in state && state.closing ? `${state.kind} (closing)` : state.kind;
const isNearItsEnd = (state: ConnectionState): boolean =>
  state.kind === 'open' && state.renewAtMs !== undefined;

describe('the table', () => {
  test('is the one of SPEC.md: state, event, next state, commands', () => {
    const rows = states.flatMap((state) =>
      events.flatMap((event) => {
        const step = transition(state, event, at(1_000));
        if (step.state === state && step.commands.length === 0) return [];
        // Of an open connection whose token is near its end only what differs has a row.
        if (isNearItsEnd(state) && event.kind !== 'due') return [];
        const name = isNearItsEnd(state) ? `${show(state)} (token near its end)` : show(state);
        return [`${name} | ${event.kind} | ${show(step.state)} | ${verbs(step.commands)}`];
      }),
    );
    const written = specTable('Transitions').map((row) =>
      [row['state'], row['event'], row['next state'], row['commands']].join(' | '),
    );
    expect(rows.toSorted()).toEqual(written.toSorted());
    expect(new Set(written.map((row) => row.split(' |')[0]))).toContain('renewing (closing)');
  });

  test('has a row for every state in SPEC.md', () => {
    const named = specTable('States').map((row) => row['state']);
    expect(new Set(named)).toEqual(new Set(states.map(show)));
  });
});

describe('whatever happens in whatever order', () => {
  test('there is one client at a time, a timer exactly while one is needed, and nothing after the stop', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { maxLength: 60 }), (happened) => {
        let state: ConnectionState = { kind: 'idle' };
        let nowMs = 0;
        let client = false;
        let timer = false;
        for (const event of happened) {
          const before = state;
          const step = transition(state, event, at((nowMs += 500), 0.5));
          state = step.state;
          for (const command of step.commands) {
            if (command.do === 'connect') {
              expect(client, 'a second client').toBe(false);
              client = true;
            }
            if (command.do === 'abandon') client = false;
            if (command.do === 'timer') {
              expect(command.afterMs).toBeGreaterThan(0);
              timer = true;
            }
            if (command.do === 'no-timer') timer = false;
          }
          if (before.kind === 'stopped') expect(step).toEqual({ state: before, commands: [] });
          expect(timer, `timer in ${state.kind}`).toBe(state.kind !== 'idle' && state.kind !== 'stopped');
          const withoutClient = state.kind === 'idle' || state.kind === 'stopped';
          expect(client).toBe(!withoutClient && !(state.kind === 'waiting' && !state.closing));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('waiting', () => {
  const timerOf = (commands: readonly Command[]): number =>
    commands.flatMap((command) => (command.do === 'timer' ? [command.afterMs] : []))[0] ?? Number.NaN;

  test('grows with each failure in a row, a connection that was soon lost included', () => {
    let state: ConnectionState = { kind: 'connecting', failures: 0 };
    const waits: number[] = [];
    let nowMs = 0;
    for (let round = 0; round < 4; round++) {
      state = transition(state, { kind: 'opened' }, at(nowMs)).state;
      const step = transition(state, { kind: 'lost', problem: lost }, at((nowMs += 1_000)));
      waits.push(timerOf(step.commands));
      state = transition(step.state, { kind: 'due' }, at(nowMs)).state;
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000]);
  });

  test('starts anew after a connection that lasted', () => {
    const open: ConnectionState = { kind: 'open', failures: 7, sinceMs: 0 };
    const soon = transition(open, { kind: 'lost', problem: lost }, at(meshDefaults.stableMs - 1));
    const late = transition(open, { kind: 'lost', problem: lost }, at(meshDefaults.stableMs));
    expect([timerOf(soon.commands), timerOf(late.commands)]).toEqual([15_000, 500]);
  });

  test('is longer where the peer asks for patience', () => {
    const busy = problem('MESH_OVERLOADED', 'busy', 'long');
    const step = transition({ kind: 'connecting', failures: 0 }, { kind: 'lost', problem: busy }, at(0));
    expect(timerOf(step.commands)).toBe(meshDefaults.longWaitMs);
  });

  test('restarts wait and back off as well: a subscriber that cannot go on makes no hot loop', () => {
    const open: ConnectionState = { kind: 'open', failures: 3, sinceMs: 0 };
    const closing = transition(open, { kind: 'restart', problem: lost }, at(10));
    expect(closing.state).toMatchObject({ kind: 'waiting', closing: true });
    const closed = transition(closing.state, { kind: 'lost', problem: lost }, at(20));
    expect(timerOf(closed.commands)).toBe(4_000);
    expect(closed.state).toMatchObject({ failures: 4, closing: false });
  });
});

describe('renewal', () => {
  const open: ConnectionState = { kind: 'open', failures: 3, sinceMs: 0, renewAtMs: 50_000 };

  test('a token that cannot be had is asked for again at the pace of the longest back-off, and the connection stays', () => {
    const asked: number[] = [];
    let state: ConnectionState = open;
    for (let nowMs = 0; nowMs <= 120_000; nowMs += meshDefaults.lookEveryMs) {
      const step = transition(state, { kind: 'due' }, at(nowMs));
      if (verbs(step.commands).includes('fetch')) asked.push(nowMs);
      state = step.state;
    }
    expect(state.kind).toBe('open');
    expect(asked).toEqual([50_000, 80_000, 110_000]);
  });

  test('exchanges the connection without a wait, and drains for a renewal, not for a stop', () => {
    const draining = transition(open, { kind: 'renew' }, at(60_000));
    expect(draining.commands).toContainEqual({ do: 'drain', purpose: 'renewal' });
    const closing = transition(draining.state, { kind: 'drained' }, at(60_010));
    const next = transition(closing.state, { kind: 'lost', problem: lost }, at(60_020));
    expect(next.state).toEqual({ kind: 'connecting', failures: 0 });
  });

  test('does not wash away failures: one that came soon after them leaves the back-off where it was', () => {
    const renewing = transition(open, { kind: 'renew' }, at(10)).state;
    const step = transition(renewing, { kind: 'lost', problem: lost }, at(20));
    expect(step.state).toMatchObject({ kind: 'waiting', failures: 4 });
  });
});
