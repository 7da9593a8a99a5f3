/** A plain rhea client with which tests look at the mesh from outside, without any of the service's own mesh code. */
import { EventEmitter, once } from 'node:events';
import rhea from 'rhea';
import type { Connection, EventContext, Message, Receiver, Sender } from 'rhea';
import { WebSocket } from 'ws';

/** Where and as whom to connect: the AMQP entry of a binding, found by protocol. */
export interface ClientBinding {
  readonly uri: string;
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

interface Credentials {
  readonly messaging: readonly {
    readonly protocol: readonly string[];
    readonly uri: string;
    readonly oa2: {
      readonly clientid: string;
      readonly clientsecret: string;
      readonly tokenendpoint: string;
    };
  }[];
}

export function clientBinding(credentials: object): ClientBinding {
  const entry = (credentials as Credentials).messaging.find(({ protocol }) => protocol.includes('amqp10ws'));
  if (!entry) throw new Error('The binding has no messaging entry for amqp10ws');
  const { clientid, clientsecret, tokenendpoint } = entry.oa2;
  return { uri: entry.uri, tokenUrl: tokenendpoint, clientId: clientid, clientSecret: clientsecret };
}

/** Fetches a token with HTTP Basic. */
export async function fetchToken({ tokenUrl, clientId, clientSecret }: ClientBinding): Promise<string> {
  const response = await fetch(tokenUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  if (!response.ok) throw new Error(`token endpoint answered ${response.status}`);
  return ((await response.json()) as { access_token: string }).access_token;
}

/** How the broker answered a message. */
export interface SendResult {
  readonly outcome: 'accepted' | 'rejected' | 'released' | 'modified';
  readonly condition?: string;
}

export class PlainClient {
  readonly connection: Connection;
  /** Conditions of errors that the broker sent, and `disconnected`, in order. */
  readonly events: string[] = [];
  /** Destroys the client's end of the WebSocket without a word. */
  cut: () => void = () => {};
  readonly #changes = new EventEmitter();

  constructor(options: object) {
    const container = rhea.create_container();
    const note = (text: string) => {
      this.events.push(text);
      this.#changes.emit('change');
    };
    container.on('connection_open', () => note('open'));
    container.on('disconnected', () => note('disconnected'));
    for (const event of ['error', 'protocol_error']) container.on(event, () => note('error'));
    container.on('connection_error', ({ connection }: EventContext) => note(condition(connection.error)));
    container.on('session_error', ({ session }: EventContext) => note(condition(session?.error)));
    container.on('sender_error', ({ sender }: EventContext) => note(condition(sender?.error)));
    container.on('receiver_error', ({ receiver }: EventContext) => note(condition(receiver?.error)));
    for (const event of ['connection_close', 'session_close', 'sender_close', 'receiver_close']) {
      container.on(event, () => {});
    }
    this.connection = container.connect({ reconnect: false, ...options } as never);
  }

  /** Resolves once `text` is among `events`. */
  async saw(text: string): Promise<void> {
    while (!this.events.includes(text)) await once(this.#changes, 'change');
  }

  /** Receives without settling; `credit` deliveries at first, more by `receiver.add_credit`. */
  receive(address: string, credit: number): Inbox {
    return new Inbox(
      this.connection.open_receiver({ source: { address }, credit_window: 0, autoaccept: false }),
      credit,
    );
  }

  /** Opens a sender; without an address every message names its own in `to`. */
  send(address?: string): Outbox {
    return new Outbox(this.connection.open_sender({ target: address === undefined ? {} : { address } }));
  }
}

/** What a receiver got, in order. */
export class Inbox {
  readonly receiver: Receiver;
  readonly deliveries: EventContext[] = [];
  readonly #changes = new EventEmitter();

  constructor(receiver: Receiver, credit: number) {
    this.receiver = receiver;
    receiver.add_credit(credit);
    receiver.on('message', (context: EventContext) => {
      this.deliveries.push(context);
      this.#changes.emit('change');
    });
  }

  /** Waits until `count` deliveries arrived in all, and gives them. */
  async got(count: number): Promise<readonly EventContext[]> {
    while (this.deliveries.length < count) await once(this.#changes, 'change');
    return this.deliveries;
  }

  /** The bodies that arrived so far, as text. */
  bodies(): readonly string[] {
    return this.deliveries.map(({ message }) => bodyOf(message));
  }

  accept(from = 0, to = this.deliveries.length): void {
    for (const { delivery } of this.deliveries.slice(from, to)) delivery?.accept();
  }
}

/** A sender whose sends are promises. */
export class Outbox {
  readonly #sender: Sender;
  readonly #answers = new Map<unknown, (result: SendResult) => void>();
  #credit: Promise<unknown> | undefined;

  constructor(sender: Sender) {
    this.#sender = sender;
    for (const outcome of ['accepted', 'rejected', 'released', 'modified'] as const) {
      sender.on(outcome, ({ delivery }: EventContext) => {
        const error = delivery?.remote_state?.['error'] as { condition?: string } | undefined;
        this.#answers.get(delivery)?.({ outcome, ...(error?.condition && { condition: error.condition }) });
        this.#answers.delete(delivery);
      });
    }
  }

  async send(body: string | Buffer, properties: object = {}): Promise<SendResult> {
    while (!this.#sender.sendable()) await this.#nextCredit();
    const content = typeof body === 'string' ? Buffer.from(body) : body;
    const message = { ...properties, body: rhea.message.data_section(content) } as unknown as Message;
    return new Promise((resolve) => this.#answers.set(this.#sender.send(message), resolve));
  }

  /** One listener, however many sends wait. */
  #nextCredit(): Promise<unknown> {
    this.#credit ??= once(this.#sender, 'sendable').finally(() => (this.#credit = undefined));
    return this.#credit;
  }
}

/** Connects over WebSocket with a fresh token, or the one given; resolves when the connection is open. */
export async function connectPlain(credentials: object, token?: string): Promise<PlainClient> {
  const binding = clientBinding(credentials);
  const bearer = token ?? (await fetchToken(binding));
  // rhea makes the socket itself; whoever wants to cut it gets hold of it here.
  const made: WebSocket[] = [];
  class KeptWebSocket extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      made.push(this);
    }
  }
  const connect = rhea.websocket_connect(KeptWebSocket);
  const details = connect(binding.uri, ['amqp'], { headers: { authorization: `Bearer ${bearer}` } });
  const client = new PlainClient({ connection_details: details, username: 'guest', password: 'guest' });
  client.cut = () => made[0]?.terminate();
  await client.saw('open');
  return client;
}

/** The text of a message with one data section. */
export function bodyOf(message: Message | undefined): string {
  return String((message?.body as { content?: Buffer } | undefined)?.content ?? '');
}

function condition(error: unknown): string {
  return (error as { condition?: string } | undefined)?.condition ?? 'unknown';
}
