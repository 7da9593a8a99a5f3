/**
 * Sends one bulk write. Where the API refuses a request as a whole, nothing of it was written, so it is divided until the
 * records that cause it stand alone: those are refused, the others are written. Trouble ends the search: what has not
 * been sent by then flies another time.
 */
import type {
  RecordAnswer,
  TerritoryApi,
  UnansweredWrite,
  WriteAnswer,
  WriteRequest,
} from '../territory-api/port.ts';
import { divide } from './parts.ts';
import type { Asked, Suspects } from './suspects.ts';

type Trouble = Extract<UnansweredWrite, { kind: 'trouble' }>;
type RefusedWhole = Extract<UnansweredWrite, { kind: 'refused-whole' }>;
type Refused = Extract<RecordAnswer, { kind: 'refused' }>;

/**
 * What is known of one record. `whole`: alone in a request it made the API refuse that request, which says nothing of
 * an earlier send of the same.
 */
export type BulkRecord = Exclude<RecordAnswer, Refused> | (Refused & { readonly whole?: true });

/** What became of one request of the bulk. */
export type BulkAnswer =
  | { readonly kind: 'answered'; readonly record: BulkRecord; readonly retryAfterMs?: number }
  | Trouble
  /** The flight's time was over: it flies another time, as it is stored. */
  | { readonly kind: 'not-sent' };

/** What a record's failure is called where the API gave no status: no answer in time. */
const GATEWAY_TIMEOUT = 504;

type Send = (requests: readonly WriteRequest[]) => Promise<WriteAnswer | { readonly kind: 'not-sent' }>;

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
  return sendPart(requests, async (part) => (maySend() ? api.write(part, signal) : { kind: 'not-sent' }));
}

async function sendPart(requests: readonly WriteRequest[], send: Send): Promise<readonly BulkAnswer[]> {
  const answer = await send(requests);
  switch (answer.kind) {
    case 'trouble':
    case 'not-sent':
      return requests.map(() => answer);
    case 'refused-whole':
      return isolate(requests, answer, send);
    case 'answered': {
      const { retryAfterMs } = answer;
      const answers = requests.map((_, index): BulkAnswer | RefusedWhole => {
        const record = answer.records[index] ?? { kind: 'missing' };
        if (record.kind === 'missing' && record.request) return record.request;
        return { kind: 'answered', record, ...(retryAfterMs !== undefined && { retryAfterMs }) };
      });
      return isolateAmong(requests, answers, send);
    }
  }
}

/** Where some records travelled in a request that was refused as a whole while others had their answers. */
async function isolateAmong(
  requests: readonly WriteRequest[],
  answers: readonly (BulkAnswer | RefusedWhole)[],
  send: Send,
): Promise<readonly BulkAnswer[]> {
  const refusal = answers.find((answer) => answer.kind === 'refused-whole');
  const refused = requests.filter((_, index) => answers[index]?.kind === 'refused-whole');
  const trouble = answers.find((answer) => answer.kind === 'trouble');
  let found: readonly BulkAnswer[] = [];
  if (refusal) found = trouble ? unsent(refused, trouble) : await isolate(refused, refusal, send);
  const next = found.values();
  return answers.map(
    (answer) => (answer.kind === 'refused-whole' ? next.next().value : answer) as BulkAnswer,
  );
}

async function isolate(
  requests: readonly WriteRequest[],
  refusal: RefusedWhole,
  send: Send,
): Promise<readonly BulkAnswer[]> {
  if (requests.length === 1)
    return [{ kind: 'answered', record: { ...refusal, kind: 'refused', whole: true } }];
  const answers: BulkAnswer[] = [];
  let trouble: Trouble | undefined;
  for (const part of divide(requests)) {
    const found = trouble ? unsent(part, trouble) : await sendPart(part, send);
    trouble ??= found.find((answer): answer is Trouble => answer.kind === 'trouble');
    answers.push(...found);
  }
  return answers;
}

function unsent(requests: readonly WriteRequest[], trouble: Trouble): readonly BulkAnswer[] {
  return requests.map(() => ({ ...trouble, sent: false }));
}

/** As `sendBulk`; what is suspect goes apart, and a record that makes requests fail is answered as `failed`. */
export async function sendSuspecting(
  suspects: Suspects,
  ...[api, requests, signal, maySend]: Parameters<typeof sendBulk>
): Promise<readonly BulkAnswer[]> {
  const found = await suspects.ask(requests, async (part) =>
    (await sendBulk(api, part, signal, maySend)).map(asAsked),
  );
  return found.map((one): BulkAnswer => {
    switch (one.kind) {
      case 'answered':
        return one.answer;
      case 'trouble':
        return one;
      case 'culprit': {
        const { status = GATEWAY_TIMEOUT, message } = one.trouble;
        return { kind: 'answered', record: { kind: 'failed', status, message } };
      }
      case 'not-asked':
        return { kind: 'not-sent' };
    }
  });
}

function asAsked(answer: BulkAnswer): Asked<Extract<BulkAnswer, { kind: 'answered' }>> {
  if (answer.kind === 'trouble') return answer;
  if (answer.kind === 'not-sent') return { kind: 'not-asked' };
  const { record } = answer;
  const lonely = record.kind === 'refused' && record.whole;
  return { kind: 'answered', answer, ...(lonely && { lonely }) };
}
