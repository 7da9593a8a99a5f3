import { describe, expect, it } from 'vitest';
import { statementsIn } from '../../../srv/journal/postgres/statements.ts';

describe('Statements in a file', () => {
  it('are found by name, in order, with their comments and without the file’s own', () => {
    const file =
      '-- why\n\n-- :name first-one\n-- $1 text\nselect $1;\n\n-- :name second\nselect 2\nfrom t;\n';
    expect([...statementsIn(file)]).toEqual([
      ['first-one', '-- $1 text\nselect $1;'],
      ['second', 'select 2\nfrom t;'],
    ]);
  });

  it('are none where nothing is named', () => {
    expect(statementsIn('-- only words\n').size).toBe(0);
  });
});
