/** The dead letters in the database. What is asked of them by one filter or another is read by an index of its own. */
import type {
  JournalLetter,
  JournalLetterDetail,
  LetterBook,
  LetterDecision,
  LetterFilter,
  LetterQuery,
} from '../port.ts';
import type { Database } from './database.ts';
import { decisionOf, letterDetailOf, letterOf } from './letter-rows.ts';
import { storable } from './outbox-rows.ts';

export class PostgresLetterBook implements LetterBook {
  private readonly database: Pick<Database, 'run'>;

  constructor(database: Pick<Database, 'run'>) {
    this.database = database;
  }

  async letters({ before, territory, reason, limit }: LetterQuery): Promise<readonly JournalLetter[]> {
    const page = [before?.failedAt ?? null, before?.id ?? '', limit];
    const rows =
      territory !== undefined
        ? await this.database.run('letters/of-territory', [...page, territory, reason ?? null])
        : reason !== undefined
          ? await this.database.run('letters/of-code', [...page, reason])
          : await this.database.run('letters/all', page);
    return rows.map(letterOf);
  }

  async letter(id: string): Promise<JournalLetterDetail | undefined> {
    const [row] = await this.database.run('letters/one', [storable(id)]);
    return row && letterDetailOf(row);
  }

  async letterDecision(id: string): Promise<LetterDecision | undefined> {
    const [row] = await this.database.run('letters/decision', [storable(id)]);
    return row && decisionOf(row);
  }

  async openLetters(
    { territory, reason, failedBefore }: LetterFilter & { readonly failedBefore?: number },
    limit: number,
  ): Promise<readonly string[]> {
    const values = [territory ?? null, reason ?? null, failedBefore ?? null, limit];
    return (await this.database.run('letters/open', values)).map((row) => row['id'] as string);
  }

  async openLetterCounts(): Promise<ReadonlyMap<string | undefined, number>> {
    const rows = await this.database.run('letters/counts');
    return new Map(
      rows.map((row) => [(row['territory_id'] as string | null) ?? undefined, row['letters'] as number]),
    );
  }
}
