/**
 * Brings the connection into a state and strikes in that very turn, so that the blow falls in this state however busy the machine is.
 * What would be over in microseconds is drawn out by keeping back what the client says.
 */
import type { MeshState } from '../../../srv/mesh/port.ts';
import type { StateName } from './cells.ts';
import type { World } from './world.ts';

/** States in which a connection is established, or was until a moment ago. */
export type ConnectedState = Exclude<StateName, 'idle' | 'connecting' | 'waiting' | 'stopped'>;

/** Resolves when the blow has fallen and the state is free to end. */
export async function whileConnected(world: World, state: ConnectedState, strike: () => void): Promise<void> {
  switch (state) {
    case 'open':
      await world.untilReceiving();
      return strike();
    case 'waiting (closing)':
      await world.untilReceiving();
      world.strait.hold();
      world.subscription.restart('on purpose');
      expectState(world, 'waiting');
      strike();
      return release(world, 'waiting');
    case 'renewing':
      await throughRenewal(world, () => onceBegun(world, 'renewing', strike));
      return release(world, 'renewing');
    case 'renewing (closing)':
      await throughRenewal(world, () => onceClosing(world, 'renewing', strike));
      return release(world, 'renewing');
    case 'stopping':
      await world.untilReceiving();
      world.strait.hold();
      void world.mesh.stop();
      expectState(world, 'stopping');
      strike();
      return release(world, 'stopping');
    case 'stopping (closing)': {
      await world.untilReceiving();
      const blow = onceClosing(world, 'stopping', strike);
      void world.mesh.stop();
      await world.until(() => blow.fallen, 'Close');
      return release(world, 'stopping');
    }
  }
}

/** A connection whose token is so short-lived that it is renewed soon. */
export async function withShortToken(world: World): Promise<void> {
  await world.untilReceiving();
  world.strait.tokens = 'short';
  const before = world.attempts.count;
  world.subscription.restart('on purpose');
  await world.until(() => world.attempts.count > before, 'another connection');
  await world.untilReceiving();
  world.strait.tokens = 'long';
}

/** A strike that waits for its moment. */
interface Blow {
  readonly fallen: boolean;
  /** Not any more. */
  cancel(): void;
}

/** Until one renewal has brought the moment: a connection that is lost before has to be set up again. */
async function throughRenewal(world: World, prepare: () => Blow): Promise<void> {
  for (;;) {
    const blow = prepare();
    await withShortToken(world);
    const { count } = world.attempts;
    await world.until(() => blow.fallen || world.attempts.count > count, 'a renewal');
    if (blow.fallen) return;
    blow.cancel();
  }
}

/** In the turn in which `state` is told: nothing that the client says in it has passed the strait. */
function onceBegun(world: World, state: MeshState, strike: () => void): Blow {
  let fallen = false;
  const cancel = world.mesh.onStateChange((status) => {
    if (status.state !== state) return;
    cancel();
    world.strait.hold();
    fallen = true;
    strike();
  });
  return {
    get fallen() {
      return fallen;
    },
    cancel,
  };
}

/** Right after Close was sent, which does not pass the strait: links are told to be gone in the same turn, just before. */
function onceClosing(world: World, state: MeshState, strike: () => void): Blow {
  let fallen = false;
  const cancel = (): void => {
    world.receipts.onLost = () => undefined;
  };
  world.receipts.onLost = () => {
    if (world.state !== state) return;
    cancel();
    world.strait.hold();
    queueMicrotask(() => {
      fallen = true;
      strike();
    });
  };
  return {
    get fallen() {
      return fallen;
    },
    cancel,
  };
}

function expectState(world: World, state: MeshState): void {
  if (world.state !== state) throw new Error(`the connection is ${world.state}, not ${state}`);
}

/** At once, or only when the state is over: by chance. */
async function release(world: World, state: MeshState): Promise<void> {
  if (world.chance.fraction() < 0.5)
    await world.until(() => world.state !== state, `the end of state ${state}`);
  world.strait.release();
}
