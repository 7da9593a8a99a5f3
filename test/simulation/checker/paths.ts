/** Every change's path can be looked up by the id of its event, at whichever instance, and tells what subscribers were told. */
import type { App } from '../../../srv/app.ts';
import type { ChangeLookUp } from '../../../srv/operations/port.ts';
import type { SimProcess } from '../world/process.ts';
import type { Trace } from '../world/trace.ts';
import type { Told } from './outcomes.ts';
import type { Verdict } from './violation.ts';

export interface PathRules {
  /**
   * `all` that has ended; `some`: a journal in memory ends with its process, and with it what it remembers; what came again elsewhere
   * may have ended there in another way. Nor does a run wait for what was replayed there.
   */
  readonly known: 'all' | 'some';
}

interface Asked {
  readonly process: SimProcess;
  readonly app: App;
}

export class PathCheck {
  private readonly answers = new Map<string, ChangeLookUp>();

  /** Somebody looks up each change by its event's id, at one instance after the other. */
  ask(instances: readonly Asked[], ids: readonly string[], trace: Trace): void {
    ids.forEach((id, index) => {
      const instance = instances[index % instances.length];
      instance?.process.enter('look-up', () => {
        instance.app.operations.lanes.change(id).then(
          (answer) => this.answers.set(id, answer),
          (error: unknown) => trace.note(`${id} cannot be looked up: ${String(error)}`),
        );
      });
    });
  }

  check(
    outcomes: ReadonlyMap<string, ReadonlyMap<number, Told>>,
    { known }: PathRules,
    verdict: Verdict,
  ): void {
    for (const [id, decisions] of outcomes) {
      const answer = this.answers.get(id);
      const isFound = answer?.kind === 'found';
      verdict.demand(
        isFound || (known === 'some' && answer?.kind === 'unknown'),
        'path',
        () => `nobody can look up ${id}: ${answer?.kind ?? 'no answer'}`,
      );
      if (!isFound) continue;
      const { state, outcome, steps } = answer.path;
      const last = [...decisions.values()].reduce((a, b) => (b.decision > a.decision ? b : a));
      const names = steps.map(({ step }) => step);
      if (known === 'some' && state === 'pending' && names.includes('replayed')) continue;
      verdict.demand(
        state === 'ended' && (known === 'some' || outcome === last.outcome) && names.includes('published'),
        'path',
        () =>
          `${id} was told as ${last.outcome}; its path says ${state} ${String(outcome)}: ${names.join(' ')}`,
      );
    }
  }
}
