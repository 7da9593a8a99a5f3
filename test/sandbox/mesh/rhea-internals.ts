/** The few parts of rhea that the broker needs and rhea's typings leave out (rhea 3.0.5, lib/link.js, lib/session.js). */
import rhea from 'rhea';
import type { Connection, Delivery, Receiver, Sender, Session } from 'rhea';

interface Transfer {
  readonly performative: { readonly more?: boolean };
  readonly payload?: Buffer;
}

interface SenderInternals {
  credit: number;
  delivery_count: number;
}

interface SessionInternals {
  readonly outgoing: { available(): number };
  readonly incoming: { on_transfer(frame: Transfer, receiver: Receiver): void };
}

/** A value as it was on the wire, with its descriptor. */
export interface WireValue {
  readonly descriptor?: { readonly value: unknown };
  readonly value: unknown;
}

interface WireReader {
  readonly position: number;
  remaining(): number;
  read(): WireValue;
}

/** Reads AMQP values one after the other; throws where the bytes are none. */
export function readerOf(bytes: Buffer): WireReader {
  const { Reader } = rhea.types as unknown as { Reader: new (bytes: Buffer) => WireReader };
  return new Reader(bytes);
}

const parts = new WeakMap<Receiver, Buffer[]>();

/**
 * Keeps the bytes of each message that arrives on a session, which rhea decodes and throws away. While a `message`
 * event is handled, `receivedBytes` gives them.
 */
export function keepReceivedBytes(session: Session): void {
  const { incoming } = session as unknown as SessionInternals;
  const original = incoming.on_transfer.bind(incoming);
  const finished = new WeakSet<Receiver>();
  incoming.on_transfer = (frame, receiver) => {
    if (finished.delete(receiver)) parts.delete(receiver);
    const collected = parts.get(receiver) ?? [];
    if (frame.payload) collected.push(frame.payload);
    parts.set(receiver, collected);
    if (!frame.performative.more) finished.add(receiver);
    original(frame, receiver);
  };
}

/** The bytes of the message now being handled. */
export function receivedBytes(receiver: Receiver): Buffer {
  return Buffer.concat(parts.get(receiver) ?? []);
}

/** How many deliveries the peer has allowed since the link was attached (rhea itself counts what was written). */
export function grantedInTotal(sender: Sender): number {
  const { credit, delivery_count: sent } = sender as unknown as SenderInternals;
  return credit + sent;
}

/** Starts a link's count anew: rhea keeps the object, count included, when a peer re-attaches at once by the same name. */
export function resetCredit(sender: Sender): void {
  Object.assign(sender as unknown as SenderInternals, { credit: 0, delivery_count: 0 });
}

/** How many more unsettled deliveries rhea can keep for a session. */
export function roomForDeliveries(session: Session): number {
  return (session as unknown as SessionInternals).outgoing.available();
}

/** Forgets a delivery without a word to the peer. */
export function forget(delivery: Delivery): void {
  (delivery as { settled: boolean }).settled = true;
}

/** Gives a server connection its socket, as `container.listen` does. */
export function acceptSocket(connection: Connection, socket: unknown): void {
  (connection as unknown as { accept(socket: unknown): void }).accept(socket);
}
