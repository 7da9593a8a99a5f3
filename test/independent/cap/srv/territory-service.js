/**
 * Records what CAP commits: who wrote, with which If-Match, which fields, and the record before and after. It changes
 * nothing of what CAP does by itself. The database has a single connection, so transactions, and with them the
 * numbers, are in commit order.
 */
import cds from '@sap/cds';

/** What the runtime or the address adds to the fields that a client sent. */
const NOT_SENT = new Set(['id', 'version']);

export class TerritoryService extends cds.ApplicationService {
  commits = 0;

  async init() {
    this.on(['CREATE', 'UPDATE', 'DELETE'], 'assignments', (request, next) => this.record(request, next));
    return super.init();
  }

  async record(request, next) {
    const { Assignments, Commits } = cds.entities;
    const id = request.data.id ?? request.params.at(-1)?.id ?? request.params.at(-1);
    const before = await SELECT.one.from(Assignments, id);
    const result = await next();
    const after = await SELECT.one.from(Assignments, id);
    await INSERT.into(Commits).entries({
      seq: (this.commits += 1),
      writer: request.user.id,
      operation: request.event,
      assignment: id,
      ifMatch: request.headers['if-match'] ?? null,
      sent: JSON.stringify(sentFields(request.data)),
      before: JSON.stringify(before ?? null),
      after: JSON.stringify(after ?? null),
    });
    return result;
  }
}

function sentFields(data) {
  return Object.fromEntries(Object.entries(data).filter(([name]) => !NOT_SENT.has(name)));
}
