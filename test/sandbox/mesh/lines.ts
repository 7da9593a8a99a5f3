/** All connections of clients, from the upgrade request (or the TCP connection) to the end of their socket. */
import type { Socket } from 'node:net';
import type { MeshCounters } from './counters.ts';
import { Line } from './line.ts';
import type { MeshClock } from './time.ts';

export interface LinesOptions {
  readonly clock: MeshClock;
  readonly counters: MeshCounters;
  /** The broker notices that a connection is gone. */
  readonly onGone: (line: Line) => void;
  readonly onChange: () => void;
}

type State = 'waiting' | 'accepted' | 'refused';

export class Lines {
  readonly #options: LinesOptions;
  readonly #states = new Map<Line, State>();
  #nextLine = 1;

  constructor(options: LinesOptions) {
    this.#options = options;
  }

  all(): readonly Line[] {
    return [...this.#states.keys()];
  }

  /** A connection arrived and waits for an answer. */
  add(socket: Socket): Line {
    const line = new Line(`line-${this.#nextLine++}`, socket, this.#options.clock, (gone) =>
      this.#gone(gone),
    );
    this.#move(line, 'waiting');
    return line;
  }

  accept(line: Line): void {
    this.#options.counters.connectionsAccepted += 1;
    this.#move(line, 'accepted');
  }

  refuse(line: Line): void {
    this.#move(line, 'refused');
  }

  #gone(line: Line): void {
    this.#states.delete(line);
    this.#count();
    this.#options.onGone(line);
    this.#options.onChange();
  }

  #move(line: Line, state: State): void {
    this.#states.set(line, state);
    this.#count();
    this.#options.onChange();
  }

  #count(): void {
    const { counters } = this.#options;
    const states = [...this.#states.values()];
    counters.upgradesWaiting = states.filter((state) => state === 'waiting').length;
    counters.connections = states.filter((state) => state === 'accepted').length;
    counters.maxUpgradesWaiting = Math.max(counters.maxUpgradesWaiting, counters.upgradesWaiting);
    counters.maxConnections = Math.max(counters.maxConnections, counters.connections);
  }
}
