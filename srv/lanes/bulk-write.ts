/**
 * Sends one bulk write. Where the API refuses a request as a whole, nothing of it was written, so it is halved until the
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
  { readonly kind: 'answered'; readonly record: BulkRecord; readonly retryAfterMs?: number } | Trouble;

type Send = (requests: readonly WriteRequest[]) => Promise<WriteAnswer>;

/**
 * Answers in the order of the requests. Sends at most twice as many requests as there are records.
 * @param maySend asked before each request; once it is false the rest counts as unanswered, which is the careful side
 */
export async function sendBulk(
  api: TerritoryApi,
  requests: readonly WriteRequest[],
  signal: AbortSignal,
  maySend: () => boolean = () => true,
): Promise<readonly BulkAnswer[]> {
  return sendPart(requests, async (part) =>
    maySend() ? api.write(part, signal) : { kind: 'answered', records: [] },
  );
}

async function sendPart(requests: readonly WriteRequest[], send: Send): Promise<readonly BulkAnswer[]> {
  const answer = await send(requests);
  switch (answer.kind) {
    case 'trouble':
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
  const middle = Math.ceil(requests.length / 2);
  const first = await sendPart(requests.slice(0, middle), send);
  const rest = requests.slice(middle);
  const trouble = first.find((answer): answer is Trouble => answer.kind === 'trouble');
  return [...first, ...(trouble ? unsent(rest, trouble) : await sendPart(rest, send))];
}

function unsent(requests: readonly WriteRequest[], trouble: Trouble): readonly BulkAnswer[] {
  return requests.map(() => ({ ...trouble, sent: false }));
}
