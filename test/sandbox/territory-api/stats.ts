/** What the simulator counts. Of records unless it says requests. */
import type { RecordResult } from './record.ts';

export interface Stats {
  /** TCP connections that clients opened. */
  connections: number;
  /** HTTP requests answered, or deliberately not answered. */
  requests: number;
  readRequests: number;
  writeRequests: number;
  /** Record reads, and those of them that answered an old version. */
  reads: number;
  staleReads: number;
  /** Record writes that clients asked for, replays among them. */
  writes: number;
  committed: number;
  /** Refused because of the version: the node was stale, or the id existed already. */
  conflicts409: number;
  /** Refused because of the version: If-Match was old. */
  conflicts412: number;
  missingIfMatch428: number;
  notFound404: number;
  invalid400: number;
  replays: number;
  stillRunning409: number;
  keyReused422: number;
  foreignWrites: number;
  /** Requests and records that a fault on command spoilt. */
  faults: number;
  /** Bugs of the simulator: anything but 0 makes a test worthless. */
  defects: number;
  /** Requests per status sent; `none` where none was. */
  requestsByStatus: Record<string, number>;
}

export function noStats(): Stats {
  return {
    connections: 0,
    requests: 0,
    readRequests: 0,
    writeRequests: 0,
    reads: 0,
    staleReads: 0,
    writes: 0,
    committed: 0,
    conflicts409: 0,
    conflicts412: 0,
    missingIfMatch428: 0,
    notFound404: 0,
    invalid400: 0,
    replays: 0,
    stillRunning409: 0,
    keyReused422: 0,
    foreignWrites: 0,
    faults: 0,
    defects: 0,
    requestsByStatus: {},
  };
}

/** Counts a refusal that the store's own rules gave. */
export function countRefusal(stats: Stats, { status }: RecordResult): void {
  if (status === 400) stats.invalid400 += 1;
  else if (status === 404) stats.notFound404 += 1;
  else if (status === 409) stats.conflicts409 += 1;
  else if (status === 412) stats.conflicts412 += 1;
  else if (status === 428) stats.missingIfMatch428 += 1;
}
