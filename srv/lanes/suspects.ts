/**
 * Finds the one record that makes the API fail on whole requests. After trouble every record of that request is suspect:
 * suspects travel together, apart from the others, and are halved as soon as they meet trouble again, while the others'
 * answers show that the API is up. Who fails alone travels alone from then on, and its failure counts as its own.
 */
import type { ApiTrouble, TerritoryApi, WriteRequest } from '../territory-api/port.ts';
import { sendBulk, type BulkAnswer } from './bulk-write.ts';

/** Suspects remembered at a time; beyond it the oldest is trusted again. */
const REMEMBERED = 10_000;

/** Trouble that the content of a request can cause; of the rest no record is suspect. */
const SUSPICIOUS: readonly ApiTrouble['reason'][] = ['unavailable', 'timeout', 'network', 'not-an-answer'];

interface Suspicion {
  readonly travels: 'together' | 'alone';
  /** How many records had been answered when it last failed: more by now show that the API is up. */
  readonly answeredThen: number;
}

type Send = (requests: readonly WriteRequest[]) => Promise<readonly BulkAnswer[]>;

export class Suspects {
  private readonly known = new Map<string, Suspicion>();
  private answered = 0;

  /** As `sendBulk`; a record that failed alone, and others were answered since it last did, is answered as `failed`. */
  async send(
    api: TerritoryApi,
    requests: readonly WriteRequest[],
    signal: AbortSignal,
    maySend: () => boolean,
  ): Promise<readonly BulkAnswer[]> {
    const answers = new Map<WriteRequest, BulkAnswer>();
    const send: Send = async (part) => {
      const found = await sendBulk(api, part, signal, maySend);
      part.forEach((request, index) => answers.set(request, this.noticed(request, found[index])));
      return found;
    };
    const [trusted, together, alone] = this.grouped(requests);
    if (trusted.length > 0) await send(trusted);
    const trouble = [...answers.values()].find((answer) => answer.kind === 'trouble');
    if (!trouble) {
      if (together.length > 0) await this.hunt(together, send);
      for (const request of alone) await send([request]);
    }
    return requests.map((request) => this.settled(request, answers, trouble));
  }

  /** Halves as long as the halves are told apart; where nothing at all is answered, it is not one record's fault. */
  private async hunt(suspects: readonly WriteRequest[], send: Send): Promise<void> {
    const depth = Math.ceil(Math.log2(suspects.length)) + 2;
    let requestsLeft = depth;
    let parts = [suspects];
    while (parts.length > 0 && requestsLeft > 0) {
      const [part = [], ...others] = parts;
      parts = others;
      requestsLeft -= 1;
      const found = await send(part);
      if (!found.some(isTrouble)) {
        // Someone is answered, so the search is worth going on until all are told apart.
        requestsLeft = depth;
      } else if (part.length === 1) {
        this.travelAlone(part[0]);
      } else {
        const middle = Math.ceil(part.length / 2);
        parts = [part.slice(0, middle), part.slice(middle), ...parts];
      }
    }
  }

  private grouped(requests: readonly WriteRequest[]): [WriteRequest[], WriteRequest[], WriteRequest[]] {
    const groups: [WriteRequest[], WriteRequest[], WriteRequest[]] = [[], [], []];
    for (const request of requests) {
      const suspicion = this.known.get(nameOf(request));
      if (suspicion === undefined) groups[0].push(request);
      else if (suspicion.travels === 'together') groups[1].push(request);
      else groups[2].push(request);
    }
    return groups;
  }

  /** Keeps what the answer says of the record's innocence. */
  private noticed(request: WriteRequest, answer: BulkAnswer | undefined): BulkAnswer {
    const known = answer ?? { kind: 'answered', record: { kind: 'missing' } };
    if (known.kind === 'answered') {
      this.answered += 1;
      this.known.delete(nameOf(request));
    } else if (known.sent && SUSPICIOUS.includes(known.trouble.reason)) {
      this.suspect(request);
    }
    return known;
  }

  private settled(
    request: WriteRequest,
    answers: ReadonlyMap<WriteRequest, BulkAnswer>,
    trouble: Extract<BulkAnswer, { kind: 'trouble' }> | undefined,
  ): BulkAnswer {
    const answer = answers.get(request);
    // Not sent in this round: it flies another time, as it is stored.
    if (!answer)
      return trouble ? { ...trouble, sent: false } : { kind: 'answered', record: { kind: 'missing' } };
    const suspicion = this.known.get(nameOf(request));
    if (answer.kind === 'answered' || suspicion?.travels !== 'alone') return answer;
    if (!answer.sent || !SUSPICIOUS.includes(answer.trouble.reason)) return answer;
    if (this.answered <= suspicion.answeredThen) return answer;
    this.known.set(nameOf(request), { travels: 'alone', answeredThen: this.answered });
    const { status, message } = answer.trouble;
    return { kind: 'answered', record: { kind: 'failed', status: status ?? GATEWAY_TIMEOUT, message } };
  }

  private suspect(request: WriteRequest): void {
    const name = nameOf(request);
    if (this.known.has(name)) return;
    if (this.known.size >= REMEMBERED) {
      const oldest = this.known.keys().next().value;
      if (oldest !== undefined) this.known.delete(oldest);
    }
    this.known.set(name, { travels: 'together', answeredThen: this.answered });
  }

  private travelAlone(request: WriteRequest | undefined): void {
    const suspicion = request && this.known.get(nameOf(request));
    if (suspicion) this.known.set(nameOf(request), { ...suspicion, travels: 'alone' });
  }
}

/** What a record's failure is called where the API gave no status: no answer in time. */
const GATEWAY_TIMEOUT = 504;

function isTrouble(answer: BulkAnswer): boolean {
  return answer.kind === 'trouble';
}

function nameOf({ territoryId, id }: WriteRequest): string {
  return JSON.stringify([territoryId, id]);
}
