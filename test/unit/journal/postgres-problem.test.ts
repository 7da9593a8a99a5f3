import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { JournalUnavailable } from '../../../srv/journal/port.ts';
import { describe as say, kindOf, raise } from '../../../srv/journal/postgres/problem.ts';

const refused = (code: string, message = 'said') =>
  Object.assign(new pg.DatabaseError(message, message.length, 'error'), { code });

describe('An error of the database', () => {
  it.each([
    ['08006', 'unavailable'],
    ['53300', 'unavailable'],
    ['57P01', 'unavailable'],
    ['57014', 'unavailable'],
    ['57P03', 'unavailable'],
    ['25006', 'unavailable'],
    ['55P03', 'unavailable'],
    ['42P01', 'unavailable'],
    ['40001', 'collision'],
    ['40P01', 'collision'],
    ['22P05', 'data'],
    ['22021', 'data'],
    ['54000', 'data'],
    ['23505', 'defect'],
    ['28P01', 'settings'],
    ['3D000', 'settings'],
    ['42501', 'settings'],
  ])('%s means %s', (code, kind) => {
    expect(kindOf(refused(code))).toBe(kind);
  });

  it('without a code comes from the network, unless it is the program’s own', () => {
    expect(kindOf(new Error('Connection terminated unexpectedly'))).toBe('unavailable');
    expect(kindOf(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))).toBe('unavailable');
    expect(kindOf(new TypeError('x is not a function'))).toBe('defect');
  });

  it('stops the journal, but for data and defects, which are handed on', () => {
    const data = refused('22P02', 'invalid input: "the payload"');
    expect(() => raise(data, 'append')).toThrow(data);
    const gone = refused('57P01', 'terminating connection');
    expect(() => raise(gone, 'append')).toThrow(JournalUnavailable);
    expect(() => raise(gone, 'append')).toThrow(/append: terminating connection \(57P01\)/);
  });

  it('about data is told without the data', () => {
    expect(say(refused('22P02', 'invalid input: "the payload"'))).toBe('PostgreSQL refuses the data (22P02)');
  });
});
