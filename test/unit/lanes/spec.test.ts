/** SPEC.md says what a lane does; this compares every cell that is built with what it really does. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import {
  NEW_RECORD,
  NO_MEMORY,
  type ClaimedLane,
  type RecordMemory,
  type WaitState,
} from '../../../srv/journal/port.ts';
import { Blame } from '../../../srv/lanes/blame.ts';
import type { BulkRecord } from '../../../srv/lanes/unit-verdict.ts';
import { judge } from '../../../srv/lanes/judge.ts';
import { LaneReport } from '../../../srv/lanes/lane-report.ts';
import type { Log } from '../../../srv/platform/log.ts';
import {
  appendNew,
  change,
  claimOnly,
  completion,
  intent,
  LEASE_MS,
} from '../../contract/journal/samples.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { tableIn } from './spec-tables.ts';

const SPEC = readFileSync(new URL('../../../srv/lanes/SPEC.md', import.meta.url), 'utf8');

const WAIT_MS = 2000;
const LATER: ReadonlySet<string> = new Set(['held']);

/** One lane of one journal, brought into a state; `claim` is the latest claim of it. */
interface Stage {
  readonly clock: ManualClock;
  readonly journal: MemoryJournal;
  claim: ClaimedLane;
  /** Another lane, in flight until it has written. */
  writer: ClaimedLane | undefined;
}

/** What an event did: `refused` where the call said so. */
type Effect = 'done' | 'refused';

/** Two changes, the first of them begun. */
async function begun(leaseMs = LEASE_MS): Promise<Stage> {
  const clock = new ManualClock();
  const journal = new MemoryJournal({ clock });
  await appendNew(journal, [change('z', 'WRITER')]);
  const writer = await claimOnly(journal, 1000 * LEASE_MS);
  await appendNew(journal, [change('a', 'LANE'), change('b', 'LANE')]);
  return { clock, journal, writer, claim: await claimOnly(journal, leaseMs) };
}

async function completed(state: WaitState | undefined): Promise<Stage> {
  const stage = await begun();
  const wait = state && { state, delayMs: WAIT_MS };
  await stage.journal.complete([completion(stage.claim, { begins: 2, ends: 0, wait })]);
  return stage;
}

const STATES: Readonly<Record<string, () => Promise<Stage>>> = {
  ready: () => completed(undefined),
  abandoned: async () => {
    const stage = await begun(1000);
    await stage.clock.elapse(1000);
    return stage;
  },
  'in-flight': () => begun(),
  retrying: () => completed('retrying'),
  resting: () => completed('resting'),
  locked: () => completed('locked'),
  paused: async () => {
    const stage = await completed(undefined);
    await stage.journal.pauseLane('LANE');
    return stage;
  },
};

const EVENTS: Readonly<Record<string, (stage: Stage) => Promise<Effect>>> = {
  appended: async ({ journal }) => {
    await appendNew(journal, [change('c', 'LANE')]);
    return 'done';
  },
  claimed: async (stage) => {
    const [lane] = await stage.journal.claim({ records: 10, leaseMs: LEASE_MS });
    stage.claim = lane ?? stage.claim;
    return lane ? 'done' : 'refused';
  },
  'lease renewed': async ({ journal, claim }) => effect(await journal.renew([claim], LEASE_MS)),
  'intents stored': async ({ journal, claim }) =>
    effect(await journal.storeIntents([{ ...claim, intents: [] }])),
  'completed, no wait': (stage) => complete(stage, undefined),
  'completed, retrying': (stage) => complete(stage, 'retrying'),
  'completed, resting': (stage) => complete(stage, 'resting'),
  'completed, locked': (stage) => complete(stage, 'locked'),
  'completed, nothing left': async ({ journal, claim }) =>
    effect(await journal.complete([completion(claim)])),
  'wait over': async ({ clock }) => {
    await clock.elapse(WAIT_MS);
    return 'done';
  },
  'lease over': async ({ clock }) => {
    await clock.elapse(LEASE_MS);
    return 'done';
  },
  'related lane wrote': (stage) => relatedWrote(stage, 2 * WAIT_MS),
  'receiver lost': async ({ journal }) => {
    await journal.receiverLost();
    return 'done';
  },
  paused: async ({ journal }) => {
    await journal.pauseLane('LANE');
    return 'done';
  },
  resumed: async ({ journal }) => {
    await journal.resumeLane('LANE');
    return 'done';
  },
};

/** Time alone brings these about, so in some states they cannot happen. */
const BY_TIME: ReadonlySet<string> = new Set(['wait over', 'lease over']);

async function complete({ journal, claim }: Stage, state: WaitState | undefined): Promise<Effect> {
  const wait = state && { state, delayMs: WAIT_MS };
  return effect(await journal.complete([completion(claim, { begins: 2, ends: 0, wait })]));
}

async function relatedWrote(stage: Stage, delayMs: number): Promise<Effect> {
  const alsoRest = { territoryIds: ['LANE'], delayMs };
  if (stage.writer) await stage.journal.complete([completion(stage.writer, { alsoRest })]);
  stage.writer = undefined;
  return 'done';
}

function effect(accepted: ReadonlySet<string>): Effect {
  return accepted.has('LANE') ? 'done' : 'refused';
}

async function stateOf({ journal, claim, writer }: Stage): Promise<string> {
  const { lanes } = await journal.figures();
  const counted = { ...lanes, 'in-flight': lanes['in-flight'] - (writer ? 1 : 0) };
  const state = Object.entries(counted).find(([, count]) => count > 0)?.[0] ?? 'empty';
  const owned = effect(await journal.storeIntents([{ ...claim, intents: [] }])) === 'done';
  return state === 'ready' && owned ? 'abandoned' : state;
}

describe('The table of states and events', () => {
  const table = tableIn(SPEC, 'event');

  it('has the states and, of what is built, the events that are known here', () => {
    expect(table.columns).toEqual([...Object.keys(STATES), ...LATER]);
    const built = [...table.rows].filter(([, cells]) =>
      [...cells.values()].some((cell) => !cell.startsWith('(')),
    );
    expect(built.map(([event]) => event)).toEqual(Object.keys(EVENTS));
  });

  it('calls not reachable what no call of the journal leads to, and nothing else', () => {
    for (const [event, cells] of table.rows) {
      for (const [state, cell] of cells) {
        const later = LATER.has(state) || !(event in EVENTS);
        expect(/^\(.*\)$/.test(cell), `${event}, ${state}`).toBe(later);
        if (cell === '–') expect(BY_TIME.has(event), `${event}, ${state}`).toBe(true);
      }
    }
  });

  for (const [event, run] of Object.entries(EVENTS)) {
    for (const [state, arrange] of Object.entries(STATES)) {
      const cell = table.rows.get(event)?.get(state) ?? 'missing';
      if (cell === '–') continue;
      it(`${state}, ${event}: ${cell}`, async () => {
        const stage = await arrange();
        expect(await stateOf(stage)).toBe(state);
        const effectSeen = await run(stage);
        const [cellState = '', condition] = cell.split(' if ');
        const after = cellState === '=' || cellState === 'refused' ? state : cellState;
        expect(effectSeen).toBe(cell === 'refused' ? 'refused' : 'done');
        expect(await stateOf(stage)).toBe(after);
        if (event !== 'related lane wrote') return;
        const shorter = await arrange();
        await relatedWrote(shorter, WAIT_MS / 2);
        expect(await stateOf(shorter)).toBe(condition === 'longer' ? state : after);
      });
    }
  }
});

const REQUEST = intent('LANE', 'T1', [1]);

/** A record before an answer comes for it. */
const DOUBTS: Readonly<Record<string, RecordMemory | undefined>> = {
  none: undefined,
  sent: { ...NEW_RECORD, doubt: 'sent', intent: REQUEST },
  landing: { ...NEW_RECORD, doubt: 'sent' },
  refused: { ...NEW_RECORD, doubt: 'refused', intent: REQUEST },
};

const ANSWERS: Readonly<Record<string, BulkRecord>> = {
  done: { kind: 'done', status: 200 },
  conflict: { kind: 'conflict', status: 412 },
  'refused, undecided': { kind: 'refused', status: 400 },
  'refused, its own fault': { kind: 'refused', status: 400 },
  'refused as a whole': { kind: 'refused', status: 413, whole: true },
  defect: { kind: 'defect', status: 428 },
  'failed (5xx)': { kind: 'failed', status: 500 },
  running: { kind: 'running', status: 409 },
  missing: { kind: 'missing' },
};

/** Trouble of a whole request is no answer for a record: flights are tested for it. */
const OF_THE_FLIGHT = ['trouble, perhaps acted on', 'trouble, not acted on'];

function doubtAfter(answer: string, memory: RecordMemory | undefined): string {
  const first = change('a', 'LANE');
  const pending = {
    ...first,
    position: 1,
    decision: 0,
    results: [undefined],
    attempts: 0,
    conflicts: 0,
    history: [],
  };
  const atFault = answer === 'refused, its own fault';
  const known = memory ?? (atFault ? NEW_RECORD : undefined);
  const remembered = known && { ...known, undecidedRounds: atFault ? 1 : 0 };
  const records = new Map(remembered && [['T1', remembered]]);
  const report = new LaneReport(
    { territoryId: 'LANE', fence: 1, changes: [pending], memory: { ...NO_MEMORY, records } },
    1,
    0,
  );
  const blame = new Blame();
  if (atFault) {
    blame.judge(JSON.stringify(['LANE', 'T1']), { status: 400, rounds: 0, limit: 5, position: 1 });
    blame.succeeded([JSON.stringify(['LANE', 'T2'])]);
  }
  const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
  const retry = { limit: 5, firstDelayMs: 2000, maxDelayMs: 32_000 };
  const repeated = memory?.doubt === 'sent' && memory.intent !== undefined;
  const context = {
    retry,
    blame,
    log,
    nowMs: 0,
    landsBy: 1000,
    fraction: 0,
    retryAfterMs: undefined,
    latestMs: 5000,
    suspectConfiguration: () => undefined,
  };
  judge(report, REQUEST, repeated, ANSWERS[answer] as BulkRecord, context);
  const after = report.memoryOf('T1');
  if (after?.doubt === 'sent') return after.intent ? 'sent' : 'landing';
  return after?.doubt ?? 'none';
}

describe('The table of answers and doubt', () => {
  const table = tableIn(SPEC, 'answer');

  it('has the doubts and answers that are known here', () => {
    expect(table.columns).toEqual(Object.keys(DOUBTS));
    expect([...table.rows.keys()]).toEqual([...Object.keys(ANSWERS), ...OF_THE_FLIGHT]);
  });

  for (const answer of Object.keys(ANSWERS)) {
    for (const [doubt, memory] of Object.entries(DOUBTS)) {
      const cell = table.rows.get(answer)?.get(doubt) ?? 'missing';
      it(`${doubt}, ${answer}: ${cell}`, () => {
        expect(doubtAfter(answer, memory)).toBe(cell);
      });
    }
  }
});
