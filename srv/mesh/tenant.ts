/** What lives on a connection and outlives it: subscriptions and the publisher. */
import type { MeshClient } from './client.ts';
import type { DrainPurpose } from './connection-state.ts';

export interface Tenant {
  /** The connection is open: attach. */
  arrive(client: MeshClient): void;
  /**
   * This connection ends soon: take no new work on it; resolves when nothing is pending. The links stay. Before a stop, deliveries
   * that are not settled by now are left to come again.
   */
  drain(purpose: DrainPurpose): Promise<void>;
  /** The queue it receives from at this moment. */
  readonly receivingFrom?: string | undefined;
  /** The connection is gone or going, `reason` says why. Also called where there was none. */
  leave(reason: string): void;
  /** Nothing will come again: no timer may be left. Follows `leave`. */
  end(): void;
}
