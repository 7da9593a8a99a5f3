/** What the mesh has seen since it started; tests compare two copies of it. */

export interface MeshCounters {
  /** Upgrade requests that arrived, whatever became of them. */
  upgrades: number;
  upgradesRefused: number;
  /** Upgrade requests and plain TCP connections not yet answered. */
  upgradesWaiting: number;
  maxUpgradesWaiting: number;
  /** AMQP connections now: accepted upgrades and plain TCP. */
  connections: number;
  maxConnections: number;
  /** Accepted over the whole time. */
  connectionsAccepted: number;
  tokenRequests: number;
  tokensIssued: number;
  managementRequests: number;
  opens: number;
  sessions: number;
  attaches: number;
  attachesRefused: number;
  deliveries: number;
  /** Of these, those of a message that was delivered before. */
  redeliveries: number;
  /** Deliveries that consumers accepted, released, rejected; and those that ended with their link. */
  acceptances: number;
  releases: number;
  rejections: number;
  lostDeliveries: number;
  /** Messages taken from publishers, on the wire or in the process; and those refused. */
  published: number;
  publishesRefused: number;
  /** Published to a topic that no queue subscribes to. */
  unrouted: number;
  expired: number;
  deadLettered: number;
  /** Expired or redelivered too often, with no dead-message queue that could take them. */
  dropped: number;
  /** Connections closed because their bytes were no AMQP. */
  protocolErrors: number;
}

export function newCounters(): MeshCounters {
  return {
    upgrades: 0,
    upgradesRefused: 0,
    upgradesWaiting: 0,
    maxUpgradesWaiting: 0,
    connections: 0,
    maxConnections: 0,
    connectionsAccepted: 0,
    tokenRequests: 0,
    tokensIssued: 0,
    managementRequests: 0,
    opens: 0,
    sessions: 0,
    attaches: 0,
    attachesRefused: 0,
    deliveries: 0,
    redeliveries: 0,
    acceptances: 0,
    releases: 0,
    rejections: 0,
    lostDeliveries: 0,
    published: 0,
    publishesRefused: 0,
    unrouted: 0,
    expired: 0,
    deadLettered: 0,
    dropped: 0,
    protocolErrors: 0,
  };
}
