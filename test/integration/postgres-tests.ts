/** Tests on the PostgreSQL server of this machine, and databases that end with them. */
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { describeNeeding } from './needing.ts';
import { openDatabase, type Database } from './postgres-database.ts';
import {
  makeTemplate,
  newJournalDatabase,
  whyNoServer,
  type OwnDatabase,
  type Template,
  type TimeKind,
} from './postgres-server.ts';

const missing = await whyNoServer();

/** A `describe` that needs PostgreSQL. */
export function describeOnPostgres(
  name: string,
  body: () => void,
  options: { readonly timeout?: number } = {},
): void {
  describeNeeding(missing, name, body, options);
}

/** Ends by itself. */
export type LentDatabase = Omit<OwnDatabase, 'drop'>;

/** One database with the journal's tables for all tests of a `describe`; there from its `beforeAll` on. */
export function databaseForAll(time: TimeKind): LentDatabase {
  let database: OwnDatabase;
  beforeAll(async () => {
    database = await newJournalDatabase(time);
  });
  afterAll(() => database?.drop());
  return lend(() => database);
}

/** A database with the journal's tables for each test of a `describe`; there from its `beforeEach` on. */
export function databaseForEach(time: TimeKind): LentDatabase {
  let template: Template;
  let database: OwnDatabase;
  beforeAll(async () => {
    template = await makeTemplate(time);
  });
  afterAll(() => template?.drop());
  beforeEach(async () => {
    database = await template.copy();
  });
  afterEach(() => database?.drop());
  return lend(() => database);
}

/** A database for statements by themselves, the same for all tests of a `describe`, and without rows at the start of each. */
export function statementsDatabase(): Omit<Database, 'close' | 'empty'> {
  let database: Database;
  beforeAll(async () => {
    database = await openDatabase();
  });
  afterAll(() => database?.close());
  beforeEach(() => database.empty());
  return lend(() => database);
}

/** Stands for what there is only once the hooks have run. */
function lend<Held extends object>(current: () => Held): Held {
  return new Proxy({} as Held, { get: (_, key) => Reflect.get(current(), key) as unknown });
}
