/**
 * Everything that writes into the journal at once, over few lanes: several instances append, fly, publish and give back, people decide
 * dead letters and erase a person, and what is old is forgotten. Whatever comes of it, nobody waits for each other in a circle,
 * nothing is refused, and the counts are what the rows say.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createPostgresJournal,
  erasePersonIn,
  type PostgresJournal,
} from '../../srv/journal/postgres/index.ts';
import type { ChangeArrival } from '../../srv/journal/port.ts';
import { flown, letterOf, replayOf } from '../contract/journal/dead-letters.ts';
import { change, intent, message, SOURCE } from '../contract/journal/samples.ts';
import { journalOptions } from './journal-options.ts';
import { databaseForAll, describeOnPostgres } from './postgres-tests.ts';

/** Of each worker; more by hand: `STRESS_TURNS=2000`. */
const TURNS = Number(process.env['STRESS_TURNS'] ?? 30);
const LANES = 6;
const PERSON = 'E4711';

/** Small numbers from a seed, so that a run can be had again as far as PostgreSQL lets it. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

describeOnPostgres('The PostgreSQL journal', () => {
  const database = databaseForAll('running');
  const journals: PostgresJournal[] = [];
  beforeAll(async () => {
    for (let instance = 0; instance < 3; instance += 1) {
      const journal = createPostgresJournal(journalOptions(database, { poolSize: 4 }));
      journals.push(journal);
      await journal.start();
    }
  });
  afterAll(async () => {
    for (const journal of journals) await journal.close();
  });

  it(
    'lets all its work go on at once without deadlocks, and counts what is pending',
    { timeout: 60_000 + TURNS * 500 },
    async () => {
      const arrivals = new Map<string, ChangeArrival>();
      const letters: { readonly arrival: ChangeArrival; readonly decision: number }[] = [];
      let appended = 0;

      const append = async (journal: PostgresJournal, roll: ReturnType<typeof dice>): Promise<void> => {
        const batch = Array.from({ length: 1 + roll(30) }, () => {
          // Now and then one that is known.
          const number = roll(10) === 0 ? roll(appended + 1) : (appended += 1);
          const id = `c${number}`;
          const known = arrivals.get(id);
          if (known) return known;
          const made = change(id, `L${roll(LANES)}`, {
            records: [roll(5) === 0 ? 'BAD1' : `T${roll(9)}`, PERSON],
          });
          arrivals.set(id, made);
          return made;
        });
        await journal.append(batch);
      };

      const fly = async (journal: PostgresJournal, roll: ReturnType<typeof dice>): Promise<void> => {
        const lanes = await journal.claim({ records: 1 + roll(60), leaseMs: 20_000 });
        if (lanes.length === 0) return;
        await journal.renew(lanes, 20_000);
        const stored = lanes.map((lane) => ({
          ...lane,
          intents: [
            intent(
              lane.territoryId,
              'T1',
              lane.changes.slice(0, 1).map(({ position }) => position),
            ),
          ],
        }));
        await journal.storeIntents(stored.toReversed());
        const completions = lanes.map((lane) => {
          const made = flown(lane, roll(lane.changes.length + 1));
          const alsoRest = roll(4) === 0 ? { territoryIds: [`L${roll(LANES + 3)}`], delayMs: 5 } : undefined;
          return { ...made, alsoRest };
        });
        const accepted = await journal.complete(completions.toReversed());
        for (const { territoryId, ended } of completions) {
          if (!accepted.has(territoryId)) throw new Error('a lease of 20 s was over');
          for (const { deadLetterId } of ended) {
            const [, decision, id] = /^dead letter (\d+) of (.*)$/.exec(deadLetterId ?? '') ?? [];
            const arrival = arrivals.get(id ?? '');
            if (arrival) letters.push({ arrival, decision: Number(decision) });
          }
        }
      };

      const publish = async (journal: PostgresJournal, roll: ReturnType<typeof dice>): Promise<void> => {
        const ids = (await journal.takeUnsent(1 + roll(100))).map(({ id }) => id).toReversed();
        const cut = roll(ids.length + 1);
        if (roll(5) === 0) await journal.giveBack(ids.slice(cut));
        else await journal.markSent(ids.slice(cut));
        await journal.markSent(ids.slice(0, cut));
      };

      const decide = async (journal: PostgresJournal, roll: ReturnType<typeof dice>): Promise<void> => {
        const some = letters.splice(0, 1 + roll(5));
        await journal.append(
          some
            .filter((_, at) => at % 3 !== 0)
            .map(({ arrival, decision }) => replayOf(arrival, { decision: decision + 1 })),
        );
        for (const { arrival, decision } of some) {
          const deadLetterId = letterOf(arrival.change.id, decision);
          const ref = { source: SOURCE, id: arrival.change.id };
          await journal.discard({ deadLetterId, ref, messages: [message(`discard of ${deadLetterId}`)] });
        }
      };

      const erase = async (): Promise<void> => {
        await erasePersonIn(journalOptions(database), { person: PERSON, by: 'a test', manner: 'erase' });
      };

      const forget = async (journal: PostgresJournal, roll: ReturnType<typeof dice>): Promise<void> => {
        await database.query(`update turns set due_at = now() where task = 'retention'`);
        const old = roll(3) === 0 ? 200 : 60_000;
        const rules = { payloadMs: 20, historyMs: 50, deadLetterMs: old, identityMs: 100 };
        await journal.tidy(rules, AbortSignal.timeout(5000));
        await database.query(`delete from lanes where territory_id = any (array(
          select territory_id from lanes where pending = 0 and leased_until is null and not_before <= now() and intents = '{}'
            and (memory is null or rest_until <= now()) and not paused limit 1000 for update skip locked))`);
      };

      const workers = journals.flatMap((journal) =>
        [append, fly, fly, publish, decide, forget].map((work) => ({ journal, work })),
      );
      const errors: unknown[] = [];
      await Promise.all([
        ...workers.map(async ({ journal, work }, seed) => {
          const roll = dice(seed + 1);
          const turns = work === forget || work === append ? TURNS : TURNS * 3;
          for (let turn = 0; turn < turns; turn += 1) {
            await work(journal, roll).catch((error: unknown) => errors.push(error));
          }
        }),
        (async () => {
          for (let turn = 0; turn < TURNS; turn += 1) {
            await erase().catch((error: unknown) => errors.push(error));
          }
        })(),
      ]);
      expect(errors).toEqual([]);
      // PostgreSQL tells its figures late.
      await database.query('select pg_stat_clear_snapshot()');
      const [seen] = await database.query(
        'select deadlocks::int from pg_stat_database where datname = current_database()',
      );
      expect(seen).toEqual({ deadlocks: 0 });
      const wrong = await database.query(`
        select territory_id, pending, counted from (
          select territory_id, (select pending from lanes where lanes.territory_id = l.territory_id) as pending,
                 (select count(*)::int from changes where changes.territory_id = l.territory_id and outcome is null) as counted
          from (select territory_id from lanes union select territory_id from changes) as l
        ) as lane where coalesce(pending, 0) <> counted`);
      expect(wrong).toEqual([]);
      const [open] = await database.query(
        `select count(*)::int as n from changes where outcome is null and (dead_letter_id is not null or holds or ended_at is not null or reason is not null)`,
      );
      expect(open).toEqual({ n: 0 });
    },
  );
});
