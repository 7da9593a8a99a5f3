/**
 * The one store behind both protocols: versioned records, what each cache node knows of them, and the history.
 * It knows neither HTTP nor timers: who calls says which node serves and what time it is.
 */
import { WriteHistory } from './history.ts';
import type { CommittedWrite } from './history.ts';
import { judge } from './judge.ts';
import type { FieldValidator, Found } from './judge.ts';
import { etagOf } from './record.ts';
import type { Fields, RecordRef, RecordResult, RecordWrite, SandboxRecord } from './record.ts';
import { ReplicatedRecord, learningTimes } from './replicated-record.ts';
import type { CacheModel, Version } from './replicated-record.ts';
import type { SeededRandom } from './seeded-random.ts';

/** `id`: unique over all territories. `territory-and-id`: unique within a territory, which every call then names. */
export type Addressing = 'id' | 'territory-and-id';

export interface StoreOptions {
  readonly addressing: Addressing;
  readonly caches: CacheModel;
  readonly validate: FieldValidator;
  readonly historyLimit: number;
  readonly random: SeededRandom;
}

/** A record to begin with; `version` 1 unless given. */
export interface SeedRecord {
  readonly territoryId: string;
  readonly id: string;
  readonly fields: Fields;
  readonly version?: number;
}

/** The circumstances of a request: who serves it, and when. */
export interface Moment {
  readonly node: number;
  /** Monotonic, for propagation. */
  readonly monotonicMs: number;
  /** Epoch milliseconds, for the history. */
  readonly wallMs: number;
  readonly requestId?: string;
}

export interface StoreRead {
  readonly record?: SandboxRecord;
  readonly cache: 'HIT' | 'MISS' | 'BYPASS';
  /** The record has a newer version than the one answered. */
  readonly stale: boolean;
}

/** `if-all-succeed`: one transaction. `never`: only judged, since something else of the transaction failed already. */
export type GroupCommit = 'if-all-succeed' | 'never';

interface Staged {
  readonly write: RecordWrite;
  readonly before: Found | undefined;
  readonly fields: Fields | undefined;
}

export class TerritoryStore {
  readonly #options: StoreOptions;
  readonly #records = new Map<string, ReplicatedRecord>();
  readonly #history: WriteHistory;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#history = new WriteHistory(options.historyLimit);
  }

  /** Adds records that every node knows and that no history tells of. Refuses a key that is taken. */
  seed(list: readonly SeedRecord[]): void {
    for (const { territoryId, id, fields, version = 1 } of list) {
      const key = this.#key({ territoryId, id });
      if (this.#records.has(key))
        throw new Error(`seed record ${id} of ${territoryId} exists already: use another id`);
      const first = { number: version, fields: Object.freeze({ ...fields }), committedAt: -Infinity };
      this.#records.set(
        key,
        new ReplicatedRecord({ territoryId, id }, first, this.#options.caches, 'everywhere'),
      );
    }
  }

  /** The authoritative record, past every cache; undefined when there is none. */
  find(ref: RecordRef): SandboxRecord | undefined {
    const record = this.#records.get(this.#key(ref));
    return record && asRecord(record, record.newest);
  }

  /** All that exist, in the order in which they were first made. */
  records(): readonly SandboxRecord[] {
    return [...this.#records.values()].flatMap((record) => asRecord(record, record.newest) ?? []);
  }

  /** As {@link records}, of one territory where the path names it, cut at `limit`. */
  first(limit: number, territoryId: string | undefined): readonly RecordRef[] {
    const refs: RecordRef[] = [];
    for (const { territoryId: owner, id, newest } of this.#records.values()) {
      if (refs.length >= limit) break;
      if (newest.fields === undefined || (territoryId !== undefined && owner !== territoryId)) continue;
      refs.push(territoryId === undefined ? { id } : { territoryId, id });
    }
    return refs;
  }

  history(): readonly CommittedWrite[] {
    return this.#history.all();
  }

  read(ref: RecordRef, via: 'cache' | 'past-cache', moment: Moment): StoreRead {
    const record = this.#records.get(this.#key(ref));
    const cacheOfNone = via === 'past-cache' ? 'BYPASS' : 'MISS';
    if (record === undefined) return { cache: cacheOfNone, stale: false };
    const { version, cache } =
      via === 'past-cache'
        ? { version: record.newest, cache: 'BYPASS' as const }
        : record.read(moment.node, moment.monotonicMs);
    const found = asRecord(record, version);
    const stale = version.number !== record.newest.number;
    return found === undefined ? { cache, stale } : { record: found, cache, stale };
  }

  /** Judges one write and commits it at once where it is allowed. */
  write(write: RecordWrite, moment: Moment): RecordResult {
    return this.writeGroup([write], 'if-all-succeed', moment)[0] as RecordResult;
  }

  /**
   * Judges writes in order, each as if those before it were done, then commits all or none. Of a group that fails,
   * members that were fine still report success: so does CAP, and a client must not believe it.
   */
  writeGroup(writes: readonly RecordWrite[], commit: GroupCommit, moment: Moment): readonly RecordResult[] {
    const staged = new Map<string, Found>();
    const accepted: Staged[] = [];
    const results = writes.map((write): RecordResult => {
      const key = this.#key(write);
      const record = this.#records.get(key);
      const before = staged.get(key) ?? record?.newest;
      const known =
        record === undefined || staged.has(key) || record.isKnownTo(moment.node, moment.monotonicMs);
      const refused = judge(write, before, known ? 'up-to-date' : 'stale', this.#options.validate);
      if (refused !== undefined) return refused;
      const after = stage(write, before);
      staged.set(key, after);
      accepted.push({ write, before, fields: after.fields });
      return success(write, after);
    });
    if (commit === 'if-all-succeed' && accepted.length === writes.length) {
      for (const write of accepted) this.#commit(write, 'client', moment);
    }
    return results;
  }

  /** Another writer's update of an existing record: it asks nobody and always succeeds. Undefined: no such record. */
  foreignUpdate(ref: RecordRef, fields: Fields, moment: Moment): SandboxRecord | undefined {
    const before = this.#records.get(this.#key(ref))?.newest;
    if (before?.fields === undefined) return undefined;
    const write: RecordWrite = { ...ref, operation: 'update', fields };
    this.#commit({ write, before, fields: stage(write, before).fields }, 'foreign', moment);
    return this.find(ref);
  }

  #commit({ write, before, fields }: Staged, by: 'client' | 'foreign', moment: Moment): void {
    const { caches, random } = this.#options;
    const knownAt = learningTimes(caches, moment.node, moment.monotonicMs, () => random.fraction());
    const key = this.#key(write);
    let record = this.#records.get(key);
    if (record === undefined) {
      const name = { territoryId: territoryOf(write), id: write.id };
      const first: Version = { number: 1, committedAt: moment.monotonicMs, ...(fields && { fields }) };
      record = new ReplicatedRecord(name, first, caches, knownAt);
      this.#records.set(key, record);
    } else {
      record.commit(fields, moment.monotonicMs, knownAt);
    }
    this.#history.add({
      at: moment.wallMs,
      recordId: record.id,
      territoryId: record.territoryId,
      by,
      operation: write.operation,
      before: before?.fields,
      fields: write.fields,
      etagBefore: before?.fields && etagOf(before.number),
      etagAfter: fields && etagOf(record.newest.number),
      ifMatch: write.ifMatch,
      idempotencyKey: write.idempotencyKey,
      requestId: moment.requestId,
      node: moment.node,
    });
  }

  #key({ territoryId, id }: RecordRef): string {
    return this.#options.addressing === 'id' ? id : JSON.stringify([territoryId ?? '', id]);
  }
}

function stage(write: RecordWrite, before: Found | undefined): Found {
  const number = (before?.number ?? 0) + 1;
  if (write.operation === 'delete') return { number };
  const base = write.operation === 'update' ? before?.fields : undefined;
  return { number, fields: Object.freeze({ ...base, ...write.fields }) };
}

function success(write: RecordWrite, after: Found): RecordResult {
  if (after.fields === undefined) return { status: 204 };
  return {
    status: write.operation === 'create' ? 201 : 200,
    etag: etagOf(after.number),
    fields: after.fields,
  };
}

function asRecord({ territoryId, id }: ReplicatedRecord, version: Version): SandboxRecord | undefined {
  const { number, fields } = version;
  return fields && { territoryId, id, version: number, etag: etagOf(number), fields };
}

/** Of a record made over a path without territory, the field of that name tells; else it has none. */
function territoryOf({ territoryId, fields }: RecordWrite): string {
  if (territoryId !== undefined) return territoryId;
  return typeof fields['territoryId'] === 'string' ? fields['territoryId'] : '';
}
