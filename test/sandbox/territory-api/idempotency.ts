/**
 * Idempotency keys per record, by the rules of draft-ietf-httpapi-idempotency-key-header: a repeat gets the stored
 * result, success or refusal alike; the same key on another request 422; while the first is still running 409.
 */
import type { RecordRefusal, RecordResult, RecordWrite } from './record.ts';

/** What to do with a write, decided when it arrives. */
export type Ticket =
  /** Carry it out; then `finish` or `abandon`. */
  | { readonly kind: 'fresh'; readonly key: string }
  /** Carry it out; nothing is stored. */
  | { readonly kind: 'unkeyed' }
  /** Do not carry it out: this is the answer. */
  | {
      readonly kind: 'answered';
      readonly by: 'replay' | 'running' | 'reused';
      readonly result: RecordResult;
    };

const PROBLEM_TYPE = 'https://developer.example.com/idempotency';

interface Entry {
  readonly fingerprint: string;
  result?: RecordResult;
}

export class IdempotencyKeys {
  readonly #limit: number;
  /** In order of arrival: the oldest finished ones are forgotten first. */
  readonly #entries = new Map<string, Entry>();

  /** Remembers the results of at most `limit` keys; 0 switches idempotency off. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  begin(write: RecordWrite): Ticket {
    const key = write.idempotencyKey;
    if (key === undefined || this.#limit === 0) return { kind: 'unkeyed' };
    const known = this.#entries.get(key);
    if (known === undefined) {
      this.#entries.set(key, { fingerprint: fingerprint(write) });
      this.#forgetOldest();
      return { kind: 'fresh', key };
    }
    if (known.fingerprint !== fingerprint(write)) return { kind: 'answered', by: 'reused', result: reused };
    if (known.result === undefined) return { kind: 'answered', by: 'running', result: running };
    return { kind: 'answered', by: 'replay', result: known.result };
  }

  /** Keeps the result for repeats. */
  finish(ticket: Ticket, result: RecordResult): void {
    const entry = ticket.kind === 'fresh' ? this.#entries.get(ticket.key) : undefined;
    if (entry !== undefined) entry.result = result;
  }

  /** The write was not carried out: a repeat starts anew. Does nothing to a finished one. */
  abandon(ticket: Ticket): void {
    if (ticket.kind !== 'fresh') return;
    if (this.#entries.get(ticket.key)?.result === undefined) this.#entries.delete(ticket.key);
  }

  #forgetOldest(): void {
    if (this.#entries.size <= this.#limit) return;
    for (const [key, { result }] of this.#entries) {
      if (result === undefined) continue;
      this.#entries.delete(key);
      return;
    }
  }
}

/** Equal for equal requests, whatever the order of the fields on the wire. */
function fingerprint({ territoryId, id, operation, ifMatch, fields }: RecordWrite): string {
  const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([territoryId ?? null, id, operation, ifMatch ?? null, sorted]);
}

const reused: RecordRefusal = {
  status: 422,
  error: {
    code: 'IDEMPOTENCY_KEY_REUSED',
    message: 'Idempotency-Key is already used for another request',
    type: PROBLEM_TYPE,
  },
};

const running: RecordRefusal = {
  status: 409,
  error: {
    code: 'IDEMPOTENCY_REQUEST_RUNNING',
    message: 'A request is outstanding for this Idempotency-Key',
    type: PROBLEM_TYPE,
  },
};
