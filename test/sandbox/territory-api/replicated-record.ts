/**
 * One record in a distributed cache: every node holds a copy and learns of a write some time after it. Nothing runs in the
 * background: each version notes when which node will know it, and a read compares with the time of the read.
 *
 * Worst case on purpose: while a write may still be on its way to somebody, every node answers from what it has.
 */
import type { Fields } from './record.ts';

/** Learning takes a node from `minLagMs` to `maxLagMs`; the node that performs a write knows it at once. */
export interface CacheModel {
  readonly nodes: number;
  readonly minLagMs: number;
  readonly maxLagMs: number;
}

/** What one write left behind; without `fields` the record is deleted. */
export interface Version {
  readonly number: number;
  readonly fields?: Fields;
  readonly committedAt: number;
}

interface KnownVersion extends Version {
  /** Per node, the time from which it knows this version. */
  readonly knownAt: number[];
}

export interface CachedRead {
  /** Undefined only for a record that was never seen anywhere. */
  readonly version: Version;
  /** HIT: from the node's copy, which may be old. MISS: the node had none, or an aged one, and asked the source. */
  readonly cache: 'HIT' | 'MISS';
}

export class ReplicatedRecord {
  readonly territoryId: string;
  readonly id: string;
  readonly #model: CacheModel;
  /** Oldest first; older ones are kept only while a node may still answer with them. Never empty. */
  #versions: KnownVersion[];
  /** Per node, when it last fetched the record from the source. */
  readonly #fetchedAt: number[];

  /** A record whose first version every node knows (`everywhere`), or so far only the given node. */
  constructor(
    name: { readonly territoryId: string; readonly id: string },
    first: Version,
    model: CacheModel,
    known: 'everywhere' | readonly number[],
  ) {
    this.territoryId = name.territoryId;
    this.id = name.id;
    this.#model = model;
    const knownAt =
      known === 'everywhere' ? Array.from({ length: model.nodes }, () => -Infinity) : [...known];
    this.#versions = [{ ...first, knownAt }];
    this.#fetchedAt = Array.from({ length: model.nodes }, () => -Infinity);
  }

  /** The authoritative version. */
  get newest(): Version {
    return this.#newest;
  }

  /** Whether `node` has learned of the newest version by `at`. */
  isKnownTo(node: number, at: number): boolean {
    return (this.#newest.knownAt[node] ?? Infinity) <= at;
  }

  /** How many versions are kept: bounded by the writes of one longest lag. */
  get kept(): number {
    return this.#versions.length;
  }

  /** A read at `node`. A MISS brings the node up to date. */
  read(node: number, at: number): CachedRead {
    const copy = this.#versions.findLast((version) => (version.knownAt[node] ?? Infinity) <= at);
    const touchedAt = Math.max(this.#newest.committedAt, this.#fetchedAt[node] ?? -Infinity);
    if (copy !== undefined && at - touchedAt <= this.#model.maxLagMs) return { version: copy, cache: 'HIT' };
    this.#newest.knownAt[node] = Math.min(this.#newest.knownAt[node] ?? at, at);
    this.#fetchedAt[node] = at;
    return { version: this.#newest, cache: 'MISS' };
  }

  /** Adds the next version. `knownAt` as {@link learningTimes} gives it. */
  commit(fields: Fields | undefined, at: number, knownAt: readonly number[]): Version {
    const next: KnownVersion = {
      number: this.#newest.number + 1,
      committedAt: at,
      knownAt: [...knownAt],
      ...(fields === undefined ? {} : { fields }),
    };
    const firstNeeded = this.#versions.findLastIndex((version) =>
      version.knownAt.every((time) => time <= at),
    );
    this.#versions = [...this.#versions.slice(Math.max(firstNeeded, 0)), next];
    return next;
  }

  get #newest(): KnownVersion {
    const newest = this.#versions.at(-1);
    if (newest === undefined) throw new Error('a record always has a version');
    return newest;
  }
}

/** When each node learns of a write that `writer` performs at `at`; `fraction` is a source of chance in [0, 1). */
export function learningTimes(
  model: CacheModel,
  writer: number,
  at: number,
  fraction: () => number,
): readonly number[] {
  return Array.from({ length: model.nodes }, (_, node) =>
    node === writer ? at : at + model.minLagMs + fraction() * (model.maxLagMs - model.minLagMs),
  );
}
