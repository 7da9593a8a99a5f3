/** Where operators find the dead letters: in the journal that keeps them, or held from their queue. */
import type { Settings } from '../config/settings.ts';
import type { LetterBook } from '../journal/port.ts';
import {
  EmbeddedDeadLetterDesk,
  HELD_LETTERS,
  type EmbeddedDeadLetterDeskOptions,
} from '../lanes/dead-letter-desk.ts';
import { JournalDeadLetterDesk } from '../lanes/journal-dead-letter-desk.ts';
import { planQueues } from '../mesh/management/plan.ts';
import type { Mesh } from '../mesh/port.ts';
import type { DeadLetterDesk } from '../operations/port.ts';

const DAY_MS = 86_400_000;

type DeskParts = Omit<EmbeddedDeadLetterDeskOptions, 'lifeMs'>;

/** `held`: the desk that receives from the queue, to be started, paused and closed with the service. */
export function openDesk(
  settings: Settings,
  { letters, mesh }: { readonly letters?: LetterBook; readonly mesh: Mesh },
  parts: DeskParts,
): { readonly deadLetters: DeadLetterDesk; readonly held?: EmbeddedDeadLetterDesk } {
  if (letters) {
    const lifeMs = settings.retention.deadLetterDays * DAY_MS;
    return { deadLetters: new JournalDeadLetterDesk({ ...parts, letters, lifeMs }) };
  }
  const held = new EmbeddedDeadLetterDesk({
    ...parts,
    lifeMs: planQueues(settings).deadLetters.ttlS * 1000,
  });
  const { deadLetterQueue: queue } = settings.mesh;
  const { windowBytes } = settings.intake;
  held.bind(mesh.subscribe({ queue, window: HELD_LETTERS, windowBytes, keeps: 'long' }, held));
  return { deadLetters: held, held };
}
