/**
 * A request that may have been sent stays the only one for its record until it has had a definite answer: whoever goes on repeats
 * exactly that one, with nothing merged into it, unless it was told apart. It also watches that a key belongs to one change: another change with equal
 * fields must not be given the answer that the first one got.
 */
import type { Covered, Intent } from '../../../srv/journal/port.ts';
import type { RecordAnswer, RecordRef, WriteRequest } from '../../../srv/territory-api/port.ts';
import { recordKey } from '../world/records.ts';
import type { Verdict } from './violation.ts';

interface Open {
  readonly text: string;
  /** So often it left a process without a definite answer. */
  sends: number;
  /** So often it was sent, whatever was said of it. */
  tries: number;
}

export interface DoubtRules {
  readonly retryLimit: number;
  /** Name of the journal of the process of this name: several may share one. */
  readonly journalOf: (process: string) => string;
}

const DEFINITE: readonly RecordAnswer['kind'][] = ['done', 'conflict', 'refused', 'defect', 'rolled-back'];

export class DoubtCheck {
  private readonly verdict: Verdict;
  /** What knows of doubts, for the process of this name. */
  private readonly journalOf: (process: string) => string;
  /** Journal and record → what was stored for it, or sent. */
  private readonly open = new Map<string, Open>();
  /** Requests of which no word is awaited any more. */
  private readonly settled = new Set<string>();
  /** Records of a merged request that failed for long: its changes are told apart, each stopping the whole by its ETag. */
  private readonly apart = new Set<string>();
  private readonly retryLimit: number;
  private readonly coversOf = new Map<string, readonly Covered[]>();
  /** Idempotency key → lowest position that its request covered. */
  private readonly positions = new Map<string, number | undefined>();

  constructor(verdict: Verdict, rules: DoubtRules) {
    this.verdict = verdict;
    this.journalOf = rules.journalOf;
    this.retryLimit = rules.retryLimit;
  }

  /** Its journal has forgotten what may have been sent. */
  forget(process: string): void {
    const names = `${this.journalOf(process)} `;
    for (const record of this.open.keys()) if (record.startsWith(names)) this.open.delete(record);
  }

  stored(process: string, intents: readonly Intent[]): void {
    for (const { request, covers } of intents) {
      const text = JSON.stringify(request);
      const record = this.nameOf(process, request);
      const position = covers[0]?.position;
      const known = this.positions.has(request.idempotencyKey)
        ? this.positions.get(request.idempotencyKey)
        : position;
      this.verdict.demand(
        known === position,
        'one-key-one-request',
        () => `${text} of position ${String(position)} has the idempotency key of position ${String(known)}`,
      );
      this.positions.set(request.idempotencyKey, position);
      this.coversOf.set(text, covers);
      this.demandSame(record, text, 'was to be sent');
      if (!this.settled.has(text) && !this.open.has(record))
        this.open.set(record, { text, sends: 0, tries: 0 });
    }
  }

  sent(process: string, request: WriteRequest): void {
    const text = JSON.stringify(request);
    const record = this.nameOf(process, request);
    const open = this.open.get(record);
    if (open?.text !== text) return;
    open.sends += 1;
    open.tries += 1;
    const isMerged = (this.coversOf.get(text)?.length ?? 0) > 1;
    if (isMerged && open.tries > this.retryLimit) this.apart.add(record);
  }

  told(process: string, request: WriteRequest, kind: RecordAnswer['kind']): void {
    if (DEFINITE.includes(kind)) this.settle(process, request);
    if (kind === 'done') this.apart.delete(this.nameOf(process, request));
  }

  /** The API has certainly not acted on it. */
  notActedOn(process: string, request: WriteRequest): void {
    const open = this.open.get(this.nameOf(process, request));
    if (open?.text === JSON.stringify(request)) open.sends -= 1;
  }

  /** The API has refused the request that this one was in: nothing came of it, but of an earlier send something may. */
  refusedWhole(process: string, request: WriteRequest): void {
    this.notActedOn(process, request);
    const open = this.open.get(this.nameOf(process, request));
    if ((open?.sends ?? 0) <= 0) this.settle(process, request);
  }

  /** What was merged on its record has failed for so long that its changes go one by one. */
  isToldApart(process: string, request: WriteRequest): boolean {
    return this.apart.has(this.nameOf(process, request));
  }

  settle(process: string, request: WriteRequest): void {
    this.close(this.nameOf(process, request), JSON.stringify(request));
  }

  /** The owner of the territory gives it back: what he stored and did not send he never will. */
  givenBack(process: string, territoryId: string, ended: readonly Covered[]): void {
    const names = this.nameOf(process, { territoryId, id: '' });
    for (const [record, { text, sends }] of this.open) {
      if (!record.startsWith(names)) continue;
      if (sends <= 0) this.open.delete(record);
      const covers = this.coversOf.get(text) ?? [];
      const hasEnded = ({ position, index }: Covered) =>
        ended.some((other) => other.position === position && other.index === index);
      if (covers.some(hasEnded)) this.close(record, text);
    }
  }

  private nameOf(process: string, ref: RecordRef): string {
    return `${this.journalOf(process)} ${recordKey(ref)}`;
  }

  private close(record: string, text: string): void {
    this.settled.add(text);
    if (this.open.get(record)?.text === text) this.open.delete(record);
  }

  private demandSame(record: string, text: string, what: string): void {
    const open = this.open.get(record);
    this.verdict.demand(
      open === undefined || open.text === text || this.settled.has(text) || this.apart.has(record),
      'repeat-first',
      () => `${text} ${what} while ${String(open?.text)} was in doubt`,
    );
  }
}
