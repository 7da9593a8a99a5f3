/**
 * Sends one bulk write. Where the API refuses a request as a whole, nothing of it was written, so it is divided until the
 * records that cause it stand alone: those are refused, the others are written; several parts are sent at a time, as in other searches
 * (`suspects.ts`), since all of the flight waits. Trouble ends the search: what has not been sent by then flies another time. A transaction
 * is never divided.
 */
import {
  unitsOf,
  type RecordAnswer,
  type TerritoryApi,
  type UnansweredWrite,
  type WriteAnswer,
  type WriteRequest,
} from '../territory-api/port.ts';
import { divide } from './parts.ts';
import type { Asked, Suspects } from './suspects.ts';
import { takingTurns } from './turns.ts';
import { oneVerdict, type BulkRecord } from './unit-verdict.ts';

type Trouble = Extract<UnansweredWrite, { kind: 'trouble' }>;
type RefusedWhole = Extract<UnansweredWrite, { kind: 'refused-whole' }>;

/** What became of one request of the bulk. */
export type BulkAnswer =
  | { readonly kind: 'answered'; readonly record: BulkRecord; readonly retryAfterMs?: number }
  | Trouble
  /** The flight's time was over: it flies another time, as it is stored. */
  | { readonly kind: 'not-sent' };

/** What a record's failure is called where the API gave no status: no answer in time. */
const GATEWAY_TIMEOUT = 504;

interface Sender {
  send(requests: readonly WriteRequest[]): Promise<WriteAnswer | { readonly kind: 'not-sent' }>;
  /** Requests of one search under way at a time. */
  readonly parallel: number;
}

/** A request alone, or those of one transaction; named by its first. */
interface Unit {
  readonly territoryId: string;
  readonly id: string;
  readonly requests: readonly WriteRequest[];
}

/** One answer for each request of a unit. */
type UnitAnswer = readonly BulkAnswer[];

/**
 * Answers in the order of the requests. Sends at most twice as many requests as there are records.
 * @param maySend asked before each request; once it is false the rest is not sent
 */
export async function sendBulk(
  api: TerritoryApi,
  requests: readonly WriteRequest[],
  signal: AbortSignal,
  maySend: () => boolean = () => true,
): Promise<readonly BulkAnswer[]> {
  return (await sendPart(unitsAmong(requests), sending(api, signal, maySend, 1))).flat();
}

function sending(api: TerritoryApi, signal: AbortSignal, maySend: () => boolean, parallel: number): Sender {
  const inTurn = takingTurns(parallel);
  return {
    send: (requests) => inTurn(async () => (maySend() ? api.write(requests, signal) : { kind: 'not-sent' })),
    parallel,
  };
}

function unitsAmong(requests: readonly WriteRequest[]): readonly Unit[] {
  return unitsOf(requests).map((places) => {
    const members = places.flatMap((place) => requests[place] ?? []);
    const [{ territoryId, id }] = members as [WriteRequest];
    return { territoryId, id, requests: members };
  });
}

async function sendPart(units: readonly Unit[], sender: Sender): Promise<readonly UnitAnswer[]> {
  const answer = await sender.send(units.flatMap(({ requests }) => requests));
  switch (answer.kind) {
    case 'trouble':
    case 'not-sent':
      return units.map((unit) => unit.requests.map(() => answer));
    case 'refused-whole':
      return isolate(units, answer, sender);
    case 'answered':
      return isolateAmong(units, inUnits(units, answer), sender);
  }
}

/** What the API said of each unit. */
function inUnits(
  units: readonly Unit[],
  { records, retryAfterMs }: Extract<WriteAnswer, { kind: 'answered' }>,
): readonly (UnitAnswer | RefusedWhole)[] {
  let place = 0;
  return units.map(({ requests }) => {
    const answers = requests.map((): RecordAnswer => records[place++] ?? { kind: 'missing' });
    // A unit travels in one request, so what became of that is the same for all of it.
    const [unanswered] = answers.flatMap((answer) =>
      answer.kind === 'missing' && answer.request ? [answer.request] : [],
    );
    if (unanswered) return unanswered.kind === 'trouble' ? answers.map(() => unanswered) : unanswered;
    return oneVerdict(answers).map((record): BulkAnswer => ({
      kind: 'answered',
      record,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    }));
  });
}

/** Where some records travelled in a request that was refused as a whole while others had their answers. */
async function isolateAmong(
  units: readonly Unit[],
  answers: readonly (UnitAnswer | RefusedWhole)[],
  sender: Sender,
): Promise<readonly UnitAnswer[]> {
  const refusal = answers.find((answer) => 'kind' in answer);
  const refused = units.filter((_, index) => 'kind' in (answers[index] ?? []));
  const trouble = troubleAmong(answers.flatMap((answer) => ('kind' in answer ? [] : [answer])));
  let found: readonly UnitAnswer[] = [];
  if (refusal) found = trouble ? unsent(refused, trouble) : await isolate(refused, refusal, sender);
  const next = found.values();
  return answers.map((answer) => ('kind' in answer ? (next.next().value ?? []) : answer));
}

async function isolate(
  units: readonly Unit[],
  refusal: RefusedWhole,
  sender: Sender,
): Promise<readonly UnitAnswer[]> {
  const [only] = units;
  if (only && units.length === 1) {
    // Whichever of a transaction is to blame: one is told of it, and with it all end.
    return [
      only.requests.map((_, index): BulkAnswer => {
        const record: BulkRecord =
          index === 0 ? { ...refusal, kind: 'refused', whole: true } : { kind: 'rolled-back', whole: true };
        return { kind: 'answered', record };
      }),
    ];
  }
  const answers: UnitAnswer[] = [];
  let trouble: Trouble | undefined;
  const parts = divide(units);
  for (let next = 0; next < parts.length; next += sender.parallel) {
    const some = parts.slice(next, next + sender.parallel);
    const found = trouble
      ? some.map((part) => unsent(part, trouble as Trouble))
      : await Promise.all(some.map((part) => sendPart(part, sender)));
    trouble ??= troubleAmong(found.flat());
    answers.push(...found.flat());
  }
  return answers;
}

function troubleAmong(answers: readonly UnitAnswer[]): Trouble | undefined {
  return answers.flat().find((answer): answer is Trouble => answer.kind === 'trouble');
}

function unsent(units: readonly Unit[], trouble: Trouble): readonly UnitAnswer[] {
  return units.map(({ requests }) => requests.map(() => ({ ...trouble, sent: false })));
}

/** As `sendBulk`; what is suspect goes apart, and a record that makes requests fail is answered as `failed`. */
export async function sendSuspecting(
  suspects: Suspects,
  ...[api, requests, signal, maySend]: Parameters<typeof sendBulk>
): Promise<readonly BulkAnswer[]> {
  const units = unitsAmong(requests);
  const sender = sending(api, signal, maySend ?? (() => true), suspects.parallel);
  const found = await suspects.ask(units, async (part) => (await sendPart(part, sender)).map(asAsked));
  return found.flatMap((one, index): UnitAnswer => {
    const members = units[index]?.requests ?? [];
    switch (one.kind) {
      case 'answered':
        return one.answer;
      case 'trouble':
        return members.map(() => one);
      case 'culprit': {
        const { status = GATEWAY_TIMEOUT, message } = one.trouble;
        const failed = { kind: 'failed', status, message } as const;
        return oneVerdict(members.map(() => failed)).map((record) => ({ kind: 'answered', record }));
      }
      case 'not-asked':
        return members.map(() => ({ kind: 'not-sent' }));
    }
  });
}

function asAsked(answer: UnitAnswer): Asked<UnitAnswer> {
  const trouble = troubleAmong([answer]);
  if (trouble) return trouble;
  if (answer.some(({ kind }) => kind === 'not-sent')) return { kind: 'not-asked' };
  const lonely = answer.some(
    (one) => one.kind === 'answered' && one.record.kind === 'refused' && one.record.whole,
  );
  return { kind: 'answered', answer, ...(lonely && { lonely }) };
}
