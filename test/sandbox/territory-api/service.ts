/**
 * The way of one request: authorization, limits, protocol, faults, a node, half of its latency, the work, the other half,
 * the answer. A client that goes away meanwhile stops nothing: what was asked for is done, as by real servers.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Executor } from './executor.ts';
import { effectOf } from './faults.ts';
import type { Faults, Verdict } from './faults.ts';
import {
  IncompleteRequestError,
  headersOf,
  readBody,
  send,
  sendSpoilt,
  spoiltStatus,
} from './http-exchange.ts';
import type { IdempotencyKeys, Ticket } from './idempotency.ts';
import type { Setup } from './options.ts';
import { ProtocolRefusalError, UnansweredError, asAnswer, errorAnswer } from './protocol.ts';
import type { Answer, Call, Exchange } from './protocol.ts';
import type { RecordWrite } from './record.ts';
import type { RequestLog } from './request-log.ts';
import type { Router } from './router.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Stats } from './stats.ts';
import type { TerritoryStore } from './store.ts';
import { SimulatorStoppedError } from './time.ts';
import type { Waits } from './time.ts';

export interface ServiceParts {
  readonly setup: Setup;
  readonly store: TerritoryStore;
  readonly keys: IdempotencyKeys;
  readonly faults: Faults;
  readonly router: Router;
  readonly log: RequestLog;
  readonly stats: Stats;
  readonly waits: Waits;
  readonly latencyRandom: SeededRandom;
  /** The node that serves the next request. */
  readonly nextNode: () => number;
}

/** One request from arrival to answer, as far as it has got. */
interface Visit {
  readonly requestId: string;
  readonly node: number;
  readonly wallMs: number;
  readonly startedMs: number;
  readonly exchange: Exchange;
  readonly headers: Readonly<Record<string, string>>;
}

export class TerritoryApiService {
  readonly #parts: ServiceParts;
  #requests = 0;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  /** Never rejects: a defect of the simulator is answered with 500 and counted. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const visit = this.#arrive(request);
    try {
      await this.#serve(visit, request, response);
    } catch (error) {
      if (error instanceof ProtocolRefusalError) {
        this.#answer(visit, response, asAnswer(error), []);
      } else if (error instanceof UnansweredError) {
        response.destroy();
        this.#note(visit, 'none', error.recordIds, undefined);
      } else if (error instanceof SimulatorStoppedError || error instanceof IncompleteRequestError) {
        response.destroy();
      } else {
        this.#parts.stats.defects += 1;
        const message = error instanceof Error ? error.message : 'unknown';
        this.#answer(visit, response, errorAnswer(500, { code: 'SANDBOX_DEFECT', message }), []);
      }
    }
  }

  #arrive(request: IncomingMessage): Visit {
    const { setup, nextNode } = this.#parts;
    this.#requests += 1;
    const requestId = `req-${this.#requests}`;
    const node = nextNode();
    const [path = '', query = ''] = (request.url ?? '').split(/\?(.*)/s, 2);
    return {
      requestId,
      node,
      wallMs: setup.clock.now(),
      startedMs: setup.clock.monotonicMs(),
      exchange: { method: request.method ?? '', path, query, headers: headersOf(request), body: '' },
      headers: { 'x-request-id': requestId, 'x-served-by': `node-${node}` },
    };
  }

  async #serve(visit: Visit, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { setup, faults, stats } = this.#parts;
    const body = await readBody(request);
    if (setup.authorization !== undefined && request.headers.authorization !== setup.authorization) {
      const basic = { 'www-authenticate': 'Basic realm="territory-api"' };
      throw new ProtocolRefusalError(401, 'UNAUTHORIZED', 'user or password is wrong', basic);
    }
    const call = this.#understand({ ...visit.exchange, body });
    const verdict = faults.strike(call.kind, call.recordIds);
    stats.faults += verdict.records.size + (verdict.whole === undefined ? 0 : 1);
    const answer = await this.#work(visit, call, verdict);
    if (verdict.whole === undefined) {
      // Work that is not done is the effect of a fault on the whole only.
      if (answer !== undefined) this.#answer(visit, response, answer, call.recordIds);
      return;
    }
    sendSpoilt(response, verdict.whole, visit.headers, answer);
    this.#note(visit, spoiltStatus(verdict.whole, answer), call.recordIds, undefined);
  }

  /** A request that cannot be understood is a call as well: faults strike it before its refusal is known. */
  #understand(exchange: Exchange): Call {
    try {
      return this.#parts.router.call(exchange);
    } catch (error) {
      if (!(error instanceof ProtocolRefusalError)) throw error;
      const kind = exchange.method === 'GET' || exchange.method === 'HEAD' ? 'read' : 'write';
      return { kind, recordIds: [], writes: [], run: () => asAnswer(error) };
    }
  }

  /** Undefined where a fault keeps the work from being done. */
  async #work(visit: Visit, call: Call, verdict: Verdict): Promise<Answer | undefined> {
    const { keys, waits, stats } = this.#parts;
    const latencyMs = this.#latencyMs(call.recordIds.length);
    const before = latencyMs / 2 + verdict.delayBeforeMs;
    const after = latencyMs / 2 + verdict.delayAfterMs;
    if (call.kind === 'read') stats.readRequests += 1;
    else stats.writeRequests += 1;
    if (verdict.whole !== undefined && effectOf(verdict.whole) === 'not-written') {
      await waits.wait(before + after);
      return undefined;
    }
    const tickets = new Map(call.writes.map((write) => [write, keys.begin(write)]));
    let answer: Answer;
    try {
      if (before > 0) await waits.wait(before);
      answer = this.#run(visit, call, verdict, tickets);
    } finally {
      for (const ticket of tickets.values()) keys.abandon(ticket);
    }
    if (after > 0) await waits.wait(after);
    return answer;
  }

  #run(visit: Visit, call: Call, verdict: Verdict, tickets: ReadonlyMap<RecordWrite, Ticket>): Answer {
    const { setup, store, keys, stats } = this.#parts;
    const noCache = /\bno-(cache|store)\b/.test(visit.exchange.headers['cache-control'] ?? '');
    const executor = new Executor({
      store,
      keys,
      stats,
      tickets,
      faults: verdict.records,
      via: noCache ? 'past-cache' : 'cache',
      moment: {
        node: visit.node,
        monotonicMs: setup.clock.monotonicMs(),
        wallMs: setup.clock.now(),
        requestId: visit.requestId,
      },
    });
    const answer = call.run(executor);
    const { cacheStatus } = executor;
    if (cacheStatus === undefined || setup.showsCacheStatus === 'no') return answer;
    return { ...answer, headers: { ...answer.headers, 'x-cache-status': cacheStatus } };
  }

  #latencyMs(records: number): number {
    const { baseMs, jitterMs, perRecordMs } = this.#parts.setup.latency;
    const jitter = jitterMs > 0 ? this.#parts.latencyRandom.fraction() * jitterMs : 0;
    return baseMs + jitter + perRecordMs * records;
  }

  #answer(visit: Visit, response: ServerResponse, answer: Answer, recordIds: readonly string[]): void {
    send(response, { ...answer, headers: { ...visit.headers, ...answer.headers } });
    this.#note(visit, answer.status, recordIds, answer.headers['x-cache-status']);
  }

  #note(
    visit: Visit,
    status: number | 'none',
    recordIds: readonly string[],
    cacheStatus: string | undefined,
  ): void {
    const { setup, log, stats } = this.#parts;
    const { requestId, node, wallMs, startedMs, exchange } = visit;
    const { method, path, query, headers } = exchange;
    stats.requests += 1;
    stats.requestsByStatus[status] = (stats.requestsByStatus[status] ?? 0) + 1;
    log.add({
      requestId,
      at: wallMs,
      method,
      url: query === '' ? path : `${path}?${query}`,
      status,
      ms: setup.clock.monotonicMs() - startedMs,
      node,
      records: recordIds.length,
      recordIds,
      cacheStatus,
      headers,
    });
  }
}
