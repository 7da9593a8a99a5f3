/**
 * During a deployment the version before runs on the newest tables, beside the newest version. Its statements are kept here as they
 * were (previous-version/): they are run as that version does, on the tables of today.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import pg from 'pg';
import { statementsIn } from '../../srv/journal/postgres/statements.ts';
import * as newer from './postgres-calls.ts';
import { describeOnPostgres, statementsDatabase } from './postgres-tests.ts';
import * as older from './previous-version/calls.ts';

const FOLDER = new URL('previous-version/', import.meta.url);

const STATEMENTS = new Map(
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.sql'))
    .flatMap((file) => {
      const named = statementsIn(readFileSync(new URL(file, FOLDER), 'utf8'));
      return Array.from(named, ([name, sql]) => [`${file.replace('.sql', '')}/${name}`, sql] as const);
    }),
);

describeOnPostgres('The version before', () => {
  const db = statementsDatabase();

  /** Its statement on today's tables, alone. */
  const before: older.Run = async (name, values = []) => db.query(STATEMENTS.get(name) ?? '', values);
  const { event } = newer;

  it('finds everything in the tables that its statements name', async () => {
    expect(STATEMENTS.size).toBeGreaterThan(60);
    const refused: string[] = [];
    for (const [name, sql] of STATEMENTS) {
      const prepared = pg.escapeIdentifier(name);
      await db.query(`prepare ${prepared} as ${sql.replace(/;\s*$/, '')}`).catch((error: unknown) => {
        refused.push(`${name}: ${String(error)}`);
      });
    }
    expect(refused).toEqual([]);
  });

  it('works on what the newest appended, in its order, and the other way round', async () => {
    await db.within((run) => newer.append(run, [event('a'), event('b')]));
    await older.append(before, [event('c')]);
    const [lane] = await older.claim(before);
    if (!lane) throw new Error('the lane was not claimed');
    expect(await older.changesOf(before, [lane])).toEqual(['a', 'b', 'c']);
    expect(await newer.claim(db.run)).toEqual([]);
    const rows = await before('claimed-changes/claimed-changes', [['EMEA'], 1]);
    const position = Number(rows[0]?.['position']);
    expect(await older.complete(before, lane, { ended: [position] })).toBe(true);
    const [again] = await newer.claim(db.run);
    if (!again) throw new Error('the lane was not given back');
    expect(await newer.changesOf(db.run, [again])).toEqual(['b', 'c']);
    expect(await older.complete(before, lane, {})).toBe(false);
    expect(await older.append(before, [event('a'), event('b')])).toEqual(['duplicate', 'pending']);
  });

  it('leaves alone a lane that a dead letter holds, and one that is paused', async () => {
    await db.within((run) =>
      newer.append(run, [event('a', 'HELD'), event('b', 'PAUSED'), event('c', 'FREE')]),
    );
    await db.run('complete/hold', [['HELD']]);
    await db.run('operated/pause', ['PAUSED']);
    expect(older.lanesOf(await older.claim(before))).toEqual(['FREE']);
  });

  it('keeps to the limit on flights together with the newest', async () => {
    await db.run('instance/make-slots', [1]);
    await db.within((run) => newer.append(run, [event('a', 'L1'), event('b', 'L2')]));
    const limited = (flight: string) => [1, 60_000, flight, 1, 1000, 100, 1, flight];
    expect(await before('claim/claim', limited('old'))).toHaveLength(1);
    expect(await db.run('claim/claim', limited('new'))).toEqual([]);
    await before('complete/free-slots', [['old']]);
    expect(await db.run('claim/claim', limited('new'))).toHaveLength(1);
    expect(await before('claim/claim', limited('old'))).toEqual([]);
    await db.run('complete/free-slots', [['new']]);
  });
});
