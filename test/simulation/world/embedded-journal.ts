/** The journal of a process that has no database: in its memory, and gone with it. Whoever watches sees every call. */
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import type { FullJournal } from './journal.ts';
import type { SimProcess } from './process.ts';

/** @param called told of each call when it has its answer */
export function embeddedJournal(
  process: SimProcess,
  standbys: 'expected' | 'none',
  called: (method: string, parts: readonly unknown[], answer: unknown) => void,
): FullJournal {
  const journal = new MemoryJournal({ clock: process.clock, standbys });
  return new Proxy(journal, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name === 'onWork' || name === 'onReleased') return value.bind(target) as unknown;
      return async (...parts: readonly unknown[]) => {
        const answer: unknown = await (value.apply(target, parts) as Promise<unknown>);
        called(String(name), parts, answer);
        return answer;
      };
    },
  });
}
