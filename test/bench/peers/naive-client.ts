/**
 * How such an integration looks before anybody thinks about concurrency, kept naive on purpose as something to compare with:
 * what arrives is written at once in concurrent bulks, with each record's ETag read once before; no order, no retry, no
 * wait for the cache. Whatever the API answers is the outcome. It shares no code with the service.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { EventContext } from 'rhea';
import { bodyOf, connectPlain, type Inbox, type Outbox } from '../../sandbox/mesh/plain-client.ts';

export interface NaiveClientOptions {
  /** `credentials` of the mesh's binding. */
  readonly credentials: object;
  /** Queue to consume, and prefix of the topics of outcome events. */
  readonly queue: string;
  readonly namespace: string;
  /** URL of the collection of assignments; protocol `rest`. */
  readonly collection: string;
  /** Bulks under way at a time; default 4. */
  readonly concurrency?: number;
  /** Changes in one bulk; default 50. */
  readonly bulkMax?: number;
}

export interface NaiveClient {
  /** Resolves, if ever, with why it could not go on: it has no answer to trouble. */
  readonly broken: Promise<unknown>;
  /** Stops receiving, waits for the bulks under way, and disconnects. */
  stop(): Promise<void>;
}

/** Deliveries that it takes before it has settled earlier ones. */
const WINDOW = 500;
const REQUEST_LIMIT_MS = 30_000;

interface Assignment {
  readonly id: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Change {
  readonly id: string;
  readonly source: string;
  readonly territoryId: string;
  readonly assignments: readonly Assignment[];
  readonly settle: () => void;
}

interface Result {
  readonly id: string;
  readonly status: number;
  readonly etag?: string;
  readonly error?: { readonly code: string };
}

/** Connects and begins to receive. */
export async function startNaiveClient(options: NaiveClientOptions): Promise<NaiveClient> {
  const client = await connectPlain(options.credentials);
  const inbox: Inbox = client.receive(`queue:${options.queue}`, WINDOW);
  const worker = new Worker(options, {
    succeeded: client.send(`topic:${options.namespace}/ce/cx/territory/sync/succeeded/v1`),
    failed: client.send(`topic:${options.namespace}/ce/cx/territory/sync/failed/v1`),
  });
  inbox.receiver.on('message', ({ message, delivery }: EventContext) => {
    const { id, source, data } = JSON.parse(bodyOf(message)) as {
      readonly id: string;
      readonly source: string;
      readonly data: Pick<Change, 'territoryId' | 'assignments'>;
    };
    const settle = () => {
      delivery?.accept();
      inbox.receiver.add_credit(1);
    };
    worker.take({ id, source, ...data, settle });
  });
  return {
    broken: worker.broken,
    async stop() {
      await worker.stop();
      const closed = once(client.connection, 'connection_close');
      client.connection.close();
      await Promise.race([closed, client.saw('disconnected')]);
    },
  };
}

class Worker {
  readonly #options: Required<NaiveClientOptions>;
  readonly #topics: { readonly succeeded: Outbox; readonly failed: Outbox };
  readonly #waiting: Change[] = [];
  readonly #bulks = new Set<Promise<void>>();
  readonly #broken = Promise.withResolvers<unknown>();

  constructor(options: NaiveClientOptions, topics: { readonly succeeded: Outbox; readonly failed: Outbox }) {
    this.#options = { concurrency: 4, bulkMax: 50, ...options };
    this.#topics = topics;
  }

  get broken(): Promise<unknown> {
    return this.#broken.promise;
  }

  /** Bounded by the window of the receiver. */
  take(change: Change): void {
    this.#waiting.push(change);
    // Those that arrived together go together.
    setImmediate(() => this.#pump());
  }

  async stop(): Promise<void> {
    this.#waiting.length = 0;
    await Promise.all(this.#bulks);
  }

  #pump(): void {
    const { concurrency, bulkMax } = this.#options;
    while (this.#bulks.size < concurrency && this.#waiting.length > 0) {
      const bulk = this.#apply(this.#waiting.splice(0, bulkMax))
        .catch((error: unknown) => this.#broken.resolve(error))
        .finally(() => {
          this.#bulks.delete(bulk);
          this.#pump();
        });
      this.#bulks.add(bulk);
    }
  }

  async #apply(changes: readonly Change[]): Promise<void> {
    const assignments = changes.flatMap((change) => change.assignments);
    const etags = await this.#readEtags(assignments.map(({ id }) => id));
    const results = await this.#write(
      assignments.map(({ id, fields }) => ({ id, operation: 'update', ifMatch: etags.get(id), fields })),
    );
    let from = 0;
    const told = changes.map((change) => {
      const own = results.slice(from, (from += change.assignments.length));
      return this.#tell(change, own);
    });
    await Promise.all(told);
  }

  async #readEtags(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const list = [...new Set(ids)].map(encodeURIComponent).join(',');
    const response = await fetch(`${this.#options.collection}?ids=${list}&fields=id,etag`, {
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
    });
    const { value } = (await response.json()) as { value: readonly { id: string; etag: string }[] };
    return new Map(value.map(({ id, etag }) => [id, etag]));
  }

  /** One result for each assignment, in the same order. */
  async #write(assignments: readonly object[]): Promise<readonly Result[]> {
    const response = await fetch(this.#options.collection, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ assignments }),
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
    });
    return ((await response.json()) as { results: readonly Result[] }).results;
  }

  async #tell(change: Change, results: readonly Result[]): Promise<void> {
    const failed = results.filter(({ status }) => status >= 300);
    const topic = failed.length > 0 ? 'failed' : 'succeeded';
    const event = {
      specversion: '1.0',
      id: randomUUID(),
      source: '/naive-client',
      type: `cx.territory.sync.${topic}.v1`,
      subject: change.territoryId,
      causationid: change.id,
      datacontenttype: 'application/json',
      data: {
        territoryId: change.territoryId,
        change: { id: change.id, source: change.source },
        outcome: failed.length > 0 ? 'failed' : 'applied',
        position: null,
        assignments: results.map(({ id, status, etag, error }) =>
          status < 300
            ? { id, result: 'updated', etag }
            : { id, result: 'failed', error: { status, code: error?.code } },
        ),
        attempts: 1,
        conflicts: failed.filter(({ status }) => status === 409 || status === 412).length > 0 ? 1 : 0,
      },
    };
    await this.#topics[topic].send(JSON.stringify(event), {
      content_type: 'application/cloudevents+json',
      message_id: event.id,
    });
    change.settle();
  }
}
