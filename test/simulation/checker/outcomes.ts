/** Watches the broker: what it may forget, and that every change ends in one outcome per decision. */
import type { AssignmentResult, FailureCode, OutcomeKind } from '../../../srv/events/outcome.ts';
import type { OutgoingMessage } from '../../../srv/mesh/port.ts';
import type { BrokerWatch, QueuedMessage } from '../world/broker.ts';
import type { Trace } from '../world/trace.ts';
import type { Verdict } from './violation.ts';

/** An outcome event as subscribers see it. */
export interface Told {
  readonly changeId: string;
  readonly decision: number;
  readonly outcome: OutcomeKind;
  readonly assignments: readonly AssignmentResult[];
  readonly code?: FailureCode;
  readonly deadLetterId?: string;
  readonly conflicts: number;
  readonly attempts: number;
  /** The change's place in its territory, as the program says. */
  readonly position: number;
  readonly atMs: number;
  readonly text: string;
}

export interface OutcomeRules {
  readonly mode: 'durable' | 'embedded';
  readonly workQueue: string;
  /** Whether a journal has taken a message with this body. */
  readonly isTaken: (body: Buffer) => boolean;
  readonly nowMs: () => number;
  readonly retryLimit: number;
}

export class OutcomeCheck implements BrokerWatch {
  /** Change → decision → outcome. */
  readonly outcomes = new Map<string, Map<number, Told>>();
  /** Original bytes of dead letters, as text. */
  readonly deadLetters = new Set<string>();
  private readonly verdict: Verdict;
  private readonly trace: Trace;
  private readonly rules: OutcomeRules;
  private readonly byEvent = new Map<string, string>();
  private readonly changeOf = new Map<Buffer, string>();

  constructor(verdict: Verdict, trace: Trace, rules: OutcomeRules) {
    this.verdict = verdict;
    this.trace = trace;
    this.rules = rules;
  }

  /** This message brings this change; undefined: nobody can read it. */
  expect(message: QueuedMessage, changeId: string | undefined): void {
    if (changeId !== undefined) this.changeOf.set(message.body, changeId);
  }

  forgot(queue: string, message: QueuedMessage): void {
    if (queue !== this.rules.workQueue) return;
    const { body } = message;
    const changeId = this.changeOf.get(body);
    if (this.rules.mode === 'durable') {
      this.verdict.demand(
        this.rules.isTaken(body),
        'settled-early',
        () => `${changeId ?? 'a poison payload'} was settled, but no journal has it`,
      );
      return;
    }
    const isTold =
      changeId === undefined ? this.deadLetters.has(body.toString()) : this.outcomes.has(changeId);
    this.verdict.demand(
      isTold,
      'settled-early',
      () => `${changeId ?? 'a poison payload'} was settled before the mesh had its outcome`,
    );
  }

  accepted(message: OutgoingMessage): void {
    if (message.to.kind === 'queue') {
      this.deadLetters.add(message.body.toString());
      return;
    }
    this.tell(message);
  }

  /** The mesh refuses it for good: it is parked, and counts as told. */
  refused(message: OutgoingMessage): void {
    this.tell(message);
  }

  private tell(message: OutgoingMessage): void {
    const text = message.body.toString();
    const { id, data } = JSON.parse(text) as {
      id: string;
      data: {
        change: { id: string };
        outcome: OutcomeKind;
        decision: number;
        assignments: AssignmentResult[];
        reason?: { code: FailureCode };
        deadLetterId?: string;
        attempts: number;
        conflicts: number;
        position: number | null;
      };
    };
    const { change, outcome, decision, assignments, reason, deadLetterId, attempts, conflicts } = data;
    this.trace.note(`outcome of ${change.id}/${decision}: ${outcome} ${reason?.code ?? ''}`);
    const known = this.byEvent.get(id);
    // Without a durable journal a crash makes a change run again, and it is told again what became of it.
    if (this.rules.mode === 'durable') {
      this.verdict.demand(
        known === undefined || known === text,
        'one-outcome',
        () => `event ${id} has two contents: ${String(known)} and ${text}`,
      );
    }
    this.byEvent.set(id, text);
    // An event that could not be read, or an impostor under a known id, has no place in the order.
    if (data.position === null) return;
    this.checkAttempts(change.id, { attempts, conflicts, records: assignments.length });
    const decisions = this.outcomes.get(change.id) ?? new Map<number, Told>();
    const before = decisions.get(decision);
    if (this.rules.mode === 'durable') {
      this.verdict.demand(
        before === undefined || before.text === text,
        'one-outcome',
        () => `${change.id} ended twice by decision ${decision}: ${String(before?.text)} and ${text}`,
      );
    }
    decisions.set(decision, {
      changeId: change.id,
      decision,
      outcome,
      assignments,
      attempts,
      conflicts,
      position: data.position,
      atMs: this.rules.nowMs(),
      text,
      ...(reason && { code: reason.code }),
      ...(deadLetterId !== undefined && { deadLetterId }),
    });
    this.outcomes.set(change.id, decisions);
  }

  /**
   * A write, as many retries after conflicts as the rule allows, and one more where our own ETag was outdated: twice for each record, for
   * what was merged is tried again alone with fresh attempts.
   */
  private checkAttempts(
    id: string,
    { attempts, conflicts, records }: Readonly<Record<'attempts' | 'conflicts' | 'records', number>>,
  ): void {
    const most = 2 * Math.max(1, records) * (this.rules.retryLimit + 2);
    this.verdict.demand(
      conflicts <= attempts && conflicts <= most,
      'attempts',
      () => `${id} met ${conflicts} conflicts in ${attempts} attempts; the rule allows ${most}`,
    );
  }
}
