/** While a simulation runs nothing may look at a real clock, wait, or draw lots: the same seed would not be the same run. */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** Taken before anything is guarded: it lets every promise go on that can. */
const { setImmediate: realSetImmediate } = globalThis;

/** Resolves when every promise that can go on without time or input has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => realSetImmediate(resolve));
}

/** Something real was touched. */
export class NotSimulated extends Error {
  readonly code = 'NOT_SIMULATED';
}

/** Makes everything real throw until the returned function is called. */
export function guardAgainstTheReal(onTouch: (what: NotSimulated) => void): () => void {
  const refuse = (what: string) => (): never => {
    const touched = new NotSimulated(
      `${what} was used in a simulation: take the clock or random port instead`,
    );
    onTouch(touched);
    throw touched;
  };
  const undo: (() => void)[] = [];
  const replace = <Owner extends object>(owner: Owner, name: keyof Owner & string): void => {
    const original = Object.getOwnPropertyDescriptor(owner, name);
    const value = refuse(name);
    Object.defineProperty(owner, name, { value, configurable: true, writable: true });
    undo.push(() => {
      if (original) Object.defineProperty(owner, name, original);
      else Reflect.deleteProperty(owner, name);
    });
  };
  replace(globalThis, 'setTimeout');
  replace(globalThis, 'setInterval');
  replace(globalThis, 'setImmediate');
  replace(Math, 'random');
  replace(performance, 'now');
  replace(crypto, 'randomUUID');
  replace(crypto, 'randomBytes');
  const RealDate = Date;
  class GuardedDate extends RealDate {
    constructor(...parts: [] | [string | number | Date]) {
      if (parts.length === 0) refuse('new Date()')();
      super(...(parts as [number]));
    }
    static override now(): number {
      return refuse('Date.now')();
    }
  }
  globalThis.Date = GuardedDate as DateConstructor;
  undo.push(() => (globalThis.Date = RealDate));
  syncBuiltinESMExports();
  return () => {
    for (const step of undo.reverse()) step();
    syncBuiltinESMExports();
  };
}
