/**
 * Finds the one record that makes the API fail on whole requests. After trouble every record of that request is suspect:
 * suspects are asked about apart from the others, divided as long as they meet trouble, while others' answers show that the
 * API is up. Who fails alone is asked about alone from then on, and its failure counts as its own. Reads and writes each have
 * their own suspects.
 */
import type { ApiTrouble, RecordRef } from '../territory-api/port.ts';
import { divide } from './parts.ts';

/** Suspects remembered at a time; beyond it the oldest is trusted again. */
const REMEMBERED = 10_000;

/** Trouble that the content of a request can cause; of the rest no record is suspect. */
const SUSPICIOUS: readonly ApiTrouble['reason'][] = ['unavailable', 'timeout', 'network', 'not-an-answer'];

/** What asking about one record brought. */
export type Asked<T> =
  /** `lonely`: with it in a request no other record would have had an answer. */
  | { readonly kind: 'answered'; readonly answer: T; readonly lonely?: true }
  | UnansweredRecord
  /** The time for it is over. */
  | { readonly kind: 'not-asked' };

/** `sent`: false only where the API has certainly not acted on it. */
export interface UnansweredRecord {
  readonly kind: 'trouble';
  readonly trouble: ApiTrouble;
  readonly sent: boolean;
}

/** `culprit`: it fails whenever it is asked about, and others do not. */
export type Searched<T> = Asked<T> | { readonly kind: 'culprit'; readonly trouble: ApiTrouble };

/** Asks about these records in one go; one answer each, in their order. */
export type Ask<R, T> = (part: readonly R[]) => Promise<readonly Asked<T>[]>;

interface Suspicion {
  readonly travels: 'together' | 'alone';
  /** How many records had been answered when it came under suspicion: more by now show that the API is up. */
  readonly answeredThen: number;
  /** How often it failed alone while nothing showed that. Who has failed least is tried first: so every search gets further. */
  readonly failures: number;
}

/** One search's findings, by record. */
type Findings<R, T> = Map<R, Searched<T>>;

export class Suspects {
  /** Requests of one search under way at a time. */
  readonly parallel: number;
  private readonly known = new Map<string, Suspicion>();
  private answered = 0;
  /** What the last search came to: after a hiccup the suspects are first asked about together, which is cheap. */
  private expected: 'hiccup' | 'culprit' = 'culprit';

  has(ref: RecordRef): boolean {
    return this.known.has(nameOf(ref));
  }

  /** No record is under suspicion. */
  get none(): boolean {
    return this.known.size === 0;
  }

  /** @param parallel requests of one search under way at a time */
  constructor(parallel = 1) {
    this.parallel = parallel;
  }

  /** Answers in the order of the records. */
  async ask<R extends RecordRef, T>(records: readonly R[], ask: Ask<R, T>): Promise<readonly Searched<T>[]> {
    const findings: Findings<R, T> = new Map();
    const [trusted, together, alone] = this.grouped(records);
    if (trusted.length > 0) await this.askParts([trusted], ask, findings);
    if (![...findings.values()].some(isTrouble)) {
      if (together.length > 0) await this.hunt(together, ask, findings);
      await this.eachAlone(alone, ask, findings);
    }
    const trouble = [...findings.values()].find(isTrouble);
    // Not asked about in this round: it goes another time, as it is.
    const left: Searched<T> = trouble ? { ...trouble, sent: false } : { kind: 'not-asked' };
    return records.map((record) => findings.get(record) ?? left);
  }

  private async eachAlone<R extends RecordRef, T>(
    alone: readonly R[],
    ask: Ask<R, T>,
    findings: Findings<R, T>,
  ): Promise<void> {
    for (let next = 0; next < alone.length; next += this.parallel) {
      const some = alone.slice(next, next + this.parallel);
      await this.askParts(
        some.map((record) => [record]),
        ask,
        findings,
      );
    }
  }

  /** Divides as long as the parts are told apart; where nothing at all is answered, it is not one record's fault. */
  private async hunt<R extends RecordRef, T>(
    suspects: readonly R[],
    ask: Ask<R, T>,
    findings: Findings<R, T>,
  ): Promise<void> {
    const patience = Math.ceil(Math.log2(suspects.length)) + 2;
    let requestsLeft = patience;
    let culprits = 0;
    let parts = this.expected === 'hiccup' ? [suspects] : divide(suspects);
    while (parts.length > 0 && requestsLeft > 0) {
      const count = Math.min(this.parallel, requestsLeft, parts.length);
      const failed = await this.askParts(parts.slice(0, count), ask, findings);
      // Someone is answered, so the search is worth going on until all are told apart.
      requestsLeft = failed.length < count ? patience : requestsLeft - count;
      culprits += failed.filter(({ alone }) => alone).length;
      const divided = failed
        .filter(({ alone }) => !alone)
        .flatMap(({ left }) => (left.length > 1 ? divide(left) : [left]));
      parts = [...divided, ...parts.slice(count)];
    }
    this.expected = culprits > 0 ? 'culprit' : 'hiccup';
  }

  /** Asks about all these parts at a time; answers those that failed, without what was answered in them: that is done. */
  private async askParts<R extends RecordRef, T>(
    parts: readonly (readonly R[])[],
    ask: Ask<R, T>,
    findings: Findings<R, T>,
  ): Promise<readonly { readonly alone: boolean; readonly left: readonly R[] }[]> {
    const asked = await Promise.all(
      parts.map(async (part) => {
        const answers = await ask(part);
        return part.map((record, index) => ({ record, answer: answers[index], alone: part.length === 1 }));
      }),
    );
    // Answers first: they show that the API is up.
    const all = asked.flat();
    const isAnswered = ({ answer }: (typeof all)[number]) => Number(answer?.kind === 'answered');
    for (const { record, answer, alone } of all.toSorted((a, b) => isAnswered(b) - isAnswered(a))) {
      findings.set(record, this.found(record, answer, alone ? 'alone' : 'together'));
    }
    return parts
      .map((part) => ({
        alone: part.length === 1,
        left: part.filter((record) => hasFailed(findings.get(record))),
      }))
      .filter(({ left }) => left.length > 0);
  }

  /** Keeps what the answer says of the record's innocence. */
  private found<T>(record: RecordRef, asked: Asked<T> | undefined, was: Suspicion['travels']): Searched<T> {
    if (!asked || asked.kind === 'not-asked') return { kind: 'not-asked' };
    const name = nameOf(record);
    if (asked.kind === 'answered') {
      this.answered += 1;
      this.known.delete(name);
      if (asked.lonely) this.remember(name, { travels: 'alone', answeredThen: this.answered, failures: 0 });
      return asked;
    }
    if (!asked.sent || !SUSPICIOUS.includes(asked.trouble.reason)) return asked;
    const { answeredThen, failures, travels } = this.known.get(name) ?? this.newSuspicion(name);
    if (was !== 'alone') return asked;
    if (travels === 'together' && this.answered <= answeredThen) {
      this.remember(name, { travels, answeredThen, failures: failures + 1 });
      return asked;
    }
    this.remember(name, { travels: 'alone', answeredThen, failures });
    return { kind: 'culprit', trouble: asked.trouble };
  }

  private grouped<R extends RecordRef>(records: readonly R[]): readonly [R[], readonly R[], R[]] {
    const trusted: R[] = [];
    const together: { readonly record: R; readonly failures: number }[] = [];
    const alone: R[] = [];
    for (const record of records) {
      const suspicion = this.known.get(nameOf(record));
      if (suspicion === undefined) trusted.push(record);
      else if (suspicion.travels === 'alone') alone.push(record);
      else together.push({ record, failures: suspicion.failures });
    }
    const leastFirst = together.toSorted((a, b) => a.failures - b.failures);
    return [trusted, leastFirst.map(({ record }) => record), alone];
  }

  private newSuspicion(name: string): Suspicion {
    const suspicion = { travels: 'together', answeredThen: this.answered, failures: 0 } as const;
    this.remember(name, suspicion);
    return suspicion;
  }

  private remember(name: string, suspicion: Suspicion): void {
    this.known.delete(name);
    if (this.known.size >= REMEMBERED) {
      const oldest = this.known.keys().next().value;
      if (oldest !== undefined) this.known.delete(oldest);
    }
    this.known.set(name, suspicion);
  }
}

function isTrouble<T>(found: Searched<T>): found is UnansweredRecord {
  return found.kind === 'trouble';
}

function hasFailed(found: Searched<unknown> | undefined): boolean {
  return found?.kind === 'trouble' || found?.kind === 'culprit';
}

function nameOf({ territoryId, id }: RecordRef): string {
  return JSON.stringify([territoryId, id]);
}
