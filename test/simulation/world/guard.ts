/** While a simulation runs nothing may look at a real clock, wait, or draw lots: the same seed would not be the same run. */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** Taken before anything is guarded. */
const { setImmediate: realSetImmediate } = globalThis;

/** So often the event loop gets its turn, in which Node tells of rejections that nobody handled. */
const TURN_EVERY = 200;
let sinceTurn = 0;

/**
 * Resolves when every promise that can go on without time or input has gone on. Node takes the next tick only when no promise
 * is left to go on, and that is cheap; a turn of the whole event loop asks the operating system (measured: a third of a run).
 */
export function settled(): Promise<void> {
  sinceTurn = (sinceTurn + 1) % TURN_EVERY;
  return sinceTurn === 0 ? turn() : new Promise((resolve) => process.nextTick(resolve));
}

/** Resolves after a turn of the event loop. */
export function turn(): Promise<void> {
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
