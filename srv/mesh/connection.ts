/**
 * Carries out what the state table says: owns the one client, the one timer and the tenants. Events are worked off one after the
 * other, also those that come up while a command is carried out.
 */
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import { renewAfterMs, type AccessToken, type RenewalLimits } from './access-token.ts';
import { MeshClient } from './client.ts';
import {
  transition,
  type Command,
  type ConnectionEvent,
  type ConnectionLimits,
  type ConnectionState,
  type DrainPurpose,
} from './connection-state.ts';
import { contained } from './containment.ts';
import type { MeshEndpoint } from './endpoint.ts';
import { asked, heardNow, judge, look, type Liveness, type LivenessLimits } from './liveness.ts';
import { NextToken } from './next-token.ts';
import type { MeshStatus } from './port.ts';
import { problem, type ConnectionProblem } from './problem.ts';
import type { Tenant } from './tenant.ts';
import { UnreadableRecord } from './unreadable.ts';

export interface ConnectionParts {
  readonly endpoint: MeshEndpoint;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: ConnectionLimits & RenewalLimits;
  readonly liveness: LivenessLimits;
}

/** One line with it begins an episode, and one ends it. */
const UNREADABLE_ALERT = 'TerritorySyncMessageUnreadable';

export class Connection {
  readonly #parts: ConnectionParts;
  readonly #log: Log;
  readonly #tenants: Tenant[] = [];
  readonly #listeners = new Set<(status: MeshStatus) => void>();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #events: ConnectionEvent[] = [];
  #working = false;
  #state: ConnectionState = { kind: 'idle' };
  #sinceMs: number;
  #client: MeshClient | undefined;
  #timer: Timer | undefined;
  #liveness: Liveness | undefined;
  #lastHeardAtMs: number | undefined;
  #windows = 0;
  readonly #nextToken: NextToken;
  readonly #unreadable = new UnreadableRecord();

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#log = parts.log;
    this.#sinceMs = parts.clock.now();
    this.#nextToken = new NextToken({
      ...parts,
      timeoutMs: tokenTimeoutMs(parts.limits),
      fetched: () => this.#happened({ kind: 'renew' }),
    });
  }

  /** `window`: the deliveries the tenant may hold, 0 for one that receives nothing. */
  house(tenant: Tenant, window: number): void {
    this.#tenants.push(tenant);
    this.#windows += window;
  }

  start(): void {
    this.#happened({ kind: 'start' });
  }

  stop(): Promise<void> {
    this.#happened({ kind: 'stop' });
    return this.#stopped.promise;
  }

  restart(reason: string): void {
    this.#happened({ kind: 'restart', problem: problem('MESH_RESTARTED', reason) });
  }

  /** Takes another connection in place of this one, as for a new token. */
  exchange(): void {
    this.#happened({ kind: 'renew' });
  }

  status(): MeshStatus {
    this.#listen();
    const reason = reasonOf(this.#state);
    const unreadable = this.#unreadable.current;
    return {
      state: this.#state.kind,
      since: this.#sinceMs,
      ...(reason === undefined ? {} : { reason }),
      ...(this.#lastHeardAtMs === undefined ? {} : { lastFrameAtMs: this.#lastHeardAtMs }),
      ...(unreadable === undefined ? {} : { unreadable }),
    };
  }

  onStateChange(listener: (status: MeshStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #happened(event: ConnectionEvent): void {
    this.#events.push(event);
    if (this.#working) return;
    this.#working = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      const one = next;
      // What is thrown here must not leave this event and all that follow unhandled for good.
      contained(this.#log, `Event '${one.kind}' of the mesh connection`, () => this.#handle(one))();
    }
    this.#working = false;
  }

  #handle(event: ConnectionEvent): void {
    const before = this.#state.kind;
    const { clock, random, limits } = this.#parts;
    const step = transition(this.#state, event, {
      limits,
      nowMs: clock.monotonicMs(),
      fraction: random.fraction(),
    });
    this.#state = step.state;
    if (step.state.kind !== before) this.#sinceMs = clock.now();
    for (const command of step.commands) {
      contained(this.#log, `Command '${command.do}' of the mesh connection`, () => this.#carryOut(command))();
    }
    if (step.state.kind !== before) this.#announce();
  }

  #announce(): void {
    const status = this.status();
    this.#log.debug('Mesh connection', { state: status.state, reason: status.reason });
    for (const listener of this.#listeners) contained(this.#log, 'A listener to the mesh', listener)(status);
    if (status.state !== 'stopped') return;
    this.#listeners.clear();
    this.#stopped.resolve();
  }

  #carryOut(command: Command): void {
    switch (command.do) {
      case 'connect':
        return this.#connect();
      case 'admit':
        return this.#admit();
      case 'close':
        this.#leave();
        return this.#client?.close();
      case 'abandon':
        this.#listen();
        this.#client?.abandon();
        this.#client = undefined;
        return this.#leave();
      case 'look':
        return this.#look();
      case 'drain':
        return this.#drain(command.purpose);
      case 'fetch':
        return this.#nextToken.fetch();
      case 'end':
        for (const tenant of this.#tenants) tenant.end();
        return;
      case 'report':
        return this.#log.warn(command.problem.message, {
          code: command.problem.code,
          retryInMs: command.retryInMs,
        });
      case 'timer':
        return this.#setTimer(command.afterMs);
      case 'no-timer':
        return this.#timer?.cancel();
    }
  }

  #connect(): void {
    const { endpoint, clock, random, limits } = this.#parts;
    const token = this.#nextToken.take();
    const client: MeshClient = new MeshClient(
      {
        endpoint,
        clock,
        containerId: `territory-sync-${random.uuid()}`,
        windows: this.#windows,
        tokenTimeoutMs: tokenTimeoutMs(limits),
        log: this.#log,
        ...(token === undefined ? {} : { token }),
      },
      {
        opened: (used) => this.#fromClient(client, { kind: 'opened', ...this.#renewal(used) }),
        lost: (cause) => this.#fromClient(client, { kind: 'lost', problem: this.#noted(cause) }),
      },
    );
    this.#client = client;
    client.connect();
  }

  #renewal(token: AccessToken | undefined): { renewAfterMs?: number } {
    if (token?.lifeMs === undefined) return {};
    const { clock, random, limits } = this.#parts;
    const ageMs = clock.monotonicMs() - token.askedAtMs;
    return { renewAfterMs: renewAfterMs(token.lifeMs, ageMs, limits, random.fraction()) };
  }

  /** A frame that cannot be read: which queue it came from is known here only. */
  #noted(cause: ConnectionProblem): ConnectionProblem {
    if (cause.code !== 'MESH_UNREADABLE_FRAME') return cause;
    const queues = this.#tenants.flatMap(({ receivingFrom }) => receivingFrom ?? []);
    const isNew = this.#unreadable.current === undefined;
    const message = this.#unreadable.add(cause.message, queues, this.#parts.clock.now());
    if (isNew) this.#log.error(message, { alert: UNREADABLE_ALERT });
    return { ...cause, message };
  }

  /** What an earlier client still has to say is of no interest. */
  #fromClient(client: MeshClient, event: ConnectionEvent): void {
    if (client === this.#client) this.#happened(event);
  }

  #admit(): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#liveness = heardNow(client.receivedBytes() ?? 0, this.#parts.clock.monotonicMs());
    this.#listen();
    this.#log.info('Connected to the mesh');
    for (const tenant of this.#tenants) tenant.arrive(client);
  }

  #leave(): void {
    this.#nextToken.stop();
    this.#liveness = undefined;
    const reason = reasonOf(this.#state) ?? 'the connection to the mesh ends';
    for (const tenant of this.#tenants) tenant.leave(reason);
  }

  #drain(purpose: DrainPurpose): void {
    const client = this.#client;
    const drained = (): void => {
      if (client === this.#client) this.#happened({ kind: 'drained' });
    };
    // A Close that follows at once could overtake settlements inside the broker (seen with rhea), so a round trip comes before it.
    const drain = async (): Promise<void> => {
      await Promise.allSettled(this.#tenants.map((tenant) => tenant.drain(purpose)));
      await client?.roundTrip();
    };
    // Until the first round trip is over, deliveries still arrive that were under way when the credit ended.
    void drain()
      .then(() => (purpose === 'renewal' ? drain() : undefined))
      .then(drained, drained);
  }

  /** Takes note of what came from the peer since the last look. */
  #listen(): void {
    const bytes = this.#client?.receivedBytes();
    if (this.#liveness === undefined || bytes === undefined) return;
    this.#liveness = look(this.#liveness, bytes, this.#parts.clock.monotonicMs());
    this.#lastHeardAtMs = this.#liveness.heardAtMs;
  }

  #look(): void {
    this.#listen();
    this.#forgetUnreadable();
    const client = this.#client;
    if (client === undefined || this.#liveness === undefined) return;
    const nowMs = this.#parts.clock.monotonicMs();
    client.keepAlive();
    switch (judge(this.#liveness, this.#parts.liveness, nowMs)) {
      case 'heard':
        return;
      case 'ask':
        client.ask();
        this.#liveness = asked(this.#liveness, nowMs);
        return;
      case 'silent': {
        const quietS = Math.round((nowMs - this.#liveness.heardAtMs) / 1000);
        return this.#happened({
          kind: 'silent',
          problem: problem(
            'MESH_SILENT',
            `The mesh has not sent a byte for ${quietS} s, although asked; connecting anew`,
          ),
        });
      }
    }
  }

  /** A connection that lasts has got past whatever could not be read. */
  #forgetUnreadable(): void {
    const { clock, limits } = this.#parts;
    const openMs = this.#state.kind === 'open' ? clock.monotonicMs() - this.#state.sinceMs : 0;
    if (this.#unreadable.current === undefined || openMs < limits.stableMs) return;
    this.#unreadable.clear();
    this.#log.info('The mesh can be read again', { alert: UNREADABLE_ALERT });
    this.#announce();
  }

  #setTimer(afterMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(afterMs, () => this.#happened({ kind: 'due' }));
  }
}

function reasonOf(state: ConnectionState): string | undefined {
  return 'reason' in state ? state.reason : undefined;
}

/** Leaves time for upgrade and handshake. */
function tokenTimeoutMs({ connectTimeoutMs }: ConnectionLimits): number {
  return Math.max(1, Math.floor(connectTimeoutMs / 2));
}
