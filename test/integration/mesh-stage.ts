/** A sandbox broker for each test with one exclusive queue; at the end every mesh is stopped and nothing may be left of it. */
import { afterEach, beforeEach, expect } from 'vitest';
import type { MeshEndpoint, MeshOptions } from '../../srv/mesh/index.ts';
import type { Subscription } from '../../srv/mesh/port.ts';
import { startSandboxMesh, type SandboxMesh, type SandboxMeshOptions } from '../sandbox/mesh/index.ts';
import { Inbox, numbers, rig, webSocketOf, type Rig } from './mesh-parts.ts';

export interface Receiving extends Rig {
  readonly inbox: Inbox;
  readonly subscription: Subscription;
}

export interface SandboxStage {
  /** The running test's own. */
  readonly sandbox: SandboxMesh;
  readonly queue: string;
  /** A mesh that is stopped after the test. */
  readonly rig: (endpoint: MeshEndpoint, options?: Partial<MeshOptions>) => Rig;
  /** A started mesh that receives from the queue. */
  readonly receiving: (
    window: number,
    given?: {
      endpoint?: MeshEndpoint;
      options?: Partial<MeshOptions>;
      from?: string;
      windowBytes?: number;
    },
  ) => Receiving;
  /** Puts numbered messages into the queue. */
  readonly fill: (count: number, from?: number) => void;
  /** The sandbox's plain AMQP. */
  readonly tcp: () => Extract<MeshEndpoint, { kind: 'amqp' }>;
  readonly replaceSandbox: (options: SandboxMeshOptions) => Promise<void>;
}

/** To be called at the top of a test file: sets the hooks. */
export function sandboxStage(): SandboxStage {
  const queue = 'default/territory/sync/changes';
  let sandbox: SandboxMesh;
  let rigs: Rig[] = [];

  const open = async (options: SandboxMeshOptions): Promise<void> => {
    sandbox = await startSandboxMesh(options);
    sandbox.createQueue(queue, { accessType: 'EXCLUSIVE', maxRedeliveryCount: 0 });
  };
  beforeEach(async () => {
    rigs = [];
    await open({ tcp: {} });
  });
  afterEach(async () => {
    await Promise.all(rigs.map(({ mesh }) => mesh.stop()));
    await sandbox.stop();
    for (const { clock, log } of rigs) {
      expect(clock.timers, 'timers left after stop').toBe(0);
      expect(log.defects).toEqual([]);
    }
  });

  const makeRig = (endpoint: MeshEndpoint, options: Partial<MeshOptions> = {}): Rig => {
    const made = rig(endpoint, options);
    rigs.push(made);
    return made;
  };
  return {
    get sandbox() {
      return sandbox;
    },
    queue,
    rig: makeRig,
    receiving(window, given = {}) {
      const made = makeRig(given.endpoint ?? webSocketOf(sandbox), given.options);
      const inbox = new Inbox();
      const subscription = made.mesh.subscribe(
        {
          queue: given.from ?? queue,
          window,
          ...(given.windowBytes !== undefined && { windowBytes: given.windowBytes }),
        },
        inbox,
      );
      made.mesh.start();
      return { ...made, inbox, subscription };
    },
    fill(count, from = 0) {
      for (const body of numbers(count, from)) sandbox.enqueue(queue, { body });
    },
    tcp: () => ({
      kind: 'amqp',
      uri: `amqp://127.0.0.1:${sandbox.tcpPort}`,
      user: 'guest',
      password: 'guest',
      dialect: 'event-mesh',
    }),
    async replaceSandbox(options) {
      await sandbox.stop();
      await open(options);
    },
  };
}
