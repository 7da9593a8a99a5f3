/** What a run does to the system, how often, in which order: dealt out by a seed, counted, printed as a table. */
import type { SeededRandom } from '../sandbox/territory-api/seeded-random.ts';
import type { StopManner } from './postgres-cluster.ts';
import { POINTS, type Point } from './points.ts';

/** Where an instance is struck: at a point, or wherever it happens to be. */
export type Place = Point | 'anywhere';

export type Blow =
  /** SIGKILL. */
  | { readonly kind: 'kill'; readonly place: Place }
  /** SIGSTOP for longer than a lease, then SIGCONT: it wakes up and goes on. */
  | { readonly kind: 'freeze'; readonly place: Place }
  | { readonly kind: 'restart PostgreSQL'; readonly manner: StopManner }
  | { readonly kind: 'restart Redis' };

/** How often each blow has to strike. */
export interface Times {
  readonly killAtEachPoint: number;
  readonly killAnywhere: number;
  /** Dealt over all points. */
  readonly freeze: number;
  readonly restartOfEachServer: number;
}

/** All blows of a run, in an order that follows from the seed. */
export function deal(times: Times, random: SeededRandom): readonly Blow[] {
  const blows: Blow[] = [
    ...POINTS.flatMap((place) => repeat(times.killAtEachPoint, (): Blow => ({ kind: 'kill', place }))),
    ...repeat(times.killAnywhere, (): Blow => ({ kind: 'kill', place: 'anywhere' })),
    ...repeat(times.freeze, (n): Blow => ({
      kind: 'freeze',
      place: POINTS[n % POINTS.length] ?? 'anywhere',
    })),
    ...repeat(times.restartOfEachServer, (n): Blow => ({
      kind: 'restart PostgreSQL',
      manner: n % 2 === 0 ? 'immediate' : 'fast',
    })),
    ...repeat(times.restartOfEachServer, (): Blow => ({ kind: 'restart Redis' })),
  ];
  return blows
    .map((blow) => ({ blow, rank: random.fraction() }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ blow }) => blow);
}

export function nameOf(blow: Blow): string {
  switch (blow.kind) {
    case 'kill':
    case 'freeze':
      return `${blow.kind} ${blow.place}`;
    case 'restart PostgreSQL':
      return `${blow.kind}, ${blow.manner}`;
    case 'restart Redis':
      return blow.kind;
  }
}

/** Blows by name, in the order in which they are first named. */
export class Tally {
  readonly #wanted = new Map<string, number>();
  readonly #struck = new Map<string, number>();

  constructor(dealt: readonly Blow[]) {
    for (const blow of dealt) add(this.#wanted, nameOf(blow));
  }

  count(blow: Blow): void {
    add(this.#struck, nameOf(blow));
  }

  /** Names of those that did not strike as often as they had to. */
  get missed(): readonly string[] {
    return [...this.#wanted].filter(([name, times]) => this.#of(name) < times).map(([name]) => name);
  }

  /** Point × what was done there, then what was done to the servers. */
  table(): string {
    const places: readonly Place[] = [...POINTS, 'anywhere'];
    const servers = [...this.#wanted.keys()].filter((name) => name.startsWith('restart')).toSorted();
    return [
      line('struck', 'killed', 'frozen'),
      ...places.map((place) => line(place, this.#of(`kill ${place}`), this.#of(`freeze ${place}`))),
      ...servers.map((name) => line(name, this.#of(name))),
    ].join('\n');
  }

  #of(name: string): number {
    return this.#struck.get(name) ?? 0;
  }
}

const NAME_WIDTH = 30;
const FIGURE_WIDTH = 8;

function line(name: string, ...figures: readonly (number | string)[]): string {
  return [name.padEnd(NAME_WIDTH), ...figures.map((figure) => String(figure).padStart(FIGURE_WIDTH))].join(
    '',
  );
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function repeat(times: number, make: (n: number) => Blow): readonly Blow[] {
  return Array.from({ length: times }, (_, n) => make(n));
}
